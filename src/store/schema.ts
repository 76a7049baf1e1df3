/**
 * STRICT tables keep the types of their columns whoever writes to them; what is left to check on reading are words
 * and JSON (`rows.ts`). Times are milliseconds since the epoch, flags 0 or 1.
 */
export const SCHEMA_1 = `
-- Live processes. One that is not here is dead.
CREATE TABLE owners (
  id            TEXT PRIMARY KEY,
  command       TEXT NOT NULL,
  pid           INTEGER NOT NULL,
  boot_id       TEXT,
  pid_namespace TEXT,
  start_time    TEXT,
  started_at    INTEGER NOT NULL,
  heartbeat_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  seq        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  -- Who has its queued uploads; null once the owner's death has been dealt with.
  owner_id   TEXT,
  opened     INTEGER NOT NULL DEFAULT 0,
  options    TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_owned ON runs (owner_id) WHERE owner_id IS NOT NULL;

CREATE TABLE uploads (
  seq               INTEGER PRIMARY KEY,
  id                TEXT NOT NULL UNIQUE,
  run               INTEGER NOT NULL REFERENCES runs (seq),
  source_index      INTEGER NOT NULL,
  destination_index INTEGER NOT NULL,
  -- Where its source was named, when a later run has taken the upload from there: siblings share it.
  origin_run          INTEGER,
  origin_source_index INTEGER,
  source_path       TEXT NOT NULL,
  source_size       INTEGER,
  source_mtime_ns   TEXT,
  source_inode      TEXT,
  source_spool      TEXT,
  account           TEXT NOT NULL,
  account_key       TEXT NOT NULL,
  host              TEXT NOT NULL,
  folder            TEXT,
  name              TEXT NOT NULL,
  labels            TEXT NOT NULL,
  state             TEXT NOT NULL DEFAULT 'queued',
  phase             TEXT NOT NULL DEFAULT 'new',
  checkpoint        TEXT,
  -- Who runs it; null while nobody does.
  owner_id          TEXT,
  fence             INTEGER NOT NULL DEFAULT 0,
  attempts          INTEGER NOT NULL DEFAULT 0,
  outcome           TEXT,
  reported          INTEGER NOT NULL DEFAULT 0,
  created_at        INTEGER NOT NULL,
  started_at        INTEGER,
  finished_at       INTEGER,
  seconds           REAL NOT NULL DEFAULT 0,
  -- Taken from the outcome for the indexes below.
  resumable         INTEGER NOT NULL DEFAULT 0,
  skipped           INTEGER NOT NULL DEFAULT 0,
  md5               TEXT
) STRICT;
CREATE INDEX uploads_in_order ON uploads (run, source_index, destination_index);
CREATE INDEX uploads_moved ON uploads (origin_run, origin_source_index) WHERE origin_run IS NOT NULL;
CREATE INDEX uploads_queued ON uploads (run, account_key, source_index, destination_index) WHERE state = 'queued';
CREATE INDEX uploads_running ON uploads (owner_id) WHERE state = 'running';
CREATE INDEX uploads_resumable ON uploads (seq) WHERE resumable = 1;
CREATE INDEX uploads_undone ON uploads (source_path) WHERE state <> 'done';
CREATE INDEX uploads_done ON uploads (source_path) WHERE state = 'done' AND skipped = 0;
CREATE INDEX uploads_content ON uploads (md5) WHERE md5 IS NOT NULL;
CREATE INDEX uploads_ended ON uploads (finished_at) WHERE finished_at IS NOT NULL AND skipped = 0;

-- What uploads were before a run took them that is still being planned.
CREATE TABLE moves (
  upload              INTEGER PRIMARY KEY REFERENCES uploads (seq) ON DELETE CASCADE,
  to_run              INTEGER NOT NULL REFERENCES runs (seq),
  run                 INTEGER NOT NULL,
  source_index        INTEGER NOT NULL,
  destination_index   INTEGER NOT NULL,
  origin_run          INTEGER,
  origin_source_index INTEGER,
  account             TEXT NOT NULL,
  labels              TEXT NOT NULL,
  state               TEXT NOT NULL,
  outcome             TEXT,
  reported            INTEGER NOT NULL,
  finished_at         INTEGER,
  resumable           INTEGER NOT NULL
) STRICT;
CREATE INDEX moves_by_run ON moves (to_run);

CREATE TABLE lanes (
  account_key TEXT NOT NULL,
  owner_id    TEXT NOT NULL REFERENCES owners (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX lanes_by_account ON lanes (account_key);
CREATE INDEX lanes_by_owner ON lanes (owner_id);

CREATE TABLE locks (
  name     TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL REFERENCES owners (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX locks_by_owner ON locks (owner_id);

CREATE TABLE accounts (
  account_key     TEXT PRIMARY KEY,
  cool_down_until INTEGER,
  cool_downs      INTEGER NOT NULL DEFAULT 0,
  refused_secret  TEXT,
  refused_message TEXT,
  paused          INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
`;
