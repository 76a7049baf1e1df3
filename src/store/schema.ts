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
  md5               TEXT,
  -- The job it belongs to, or did before that was forgotten. Uploads of jobs are a server's: the command line takes up
  -- only the others.
  job               INTEGER,
  -- Until when it rests while it is queued; null: it does not.
  due_at            INTEGER,
  waiting_for       TEXT,
  rounds            INTEGER NOT NULL DEFAULT 0,
  crashes           INTEGER NOT NULL DEFAULT 0,
  -- The state that its job shows for it, by its place in JOB_STATES.
  shown             INTEGER AS (
    CASE state
      WHEN 'running'   THEN 0
      WHEN 'waiting'   THEN 1
      WHEN 'unknown'   THEN 3
      WHEN 'failed'    THEN 4
      WHEN 'cancelled' THEN 5
      WHEN 'done'      THEN 6
      ELSE CASE WHEN due_at IS NULL AND waiting_for IS NULL THEN 2 ELSE 1 END
    END) VIRTUAL
) STRICT;
CREATE INDEX uploads_in_order ON uploads (run, source_index, destination_index);
CREATE INDEX uploads_moved ON uploads (origin_run, origin_source_index) WHERE origin_run IS NOT NULL;
CREATE INDEX uploads_queued ON uploads (run, account_key, source_index, destination_index)
  WHERE state = 'queued' AND due_at IS NULL;
CREATE INDEX uploads_resting ON uploads (due_at) WHERE state = 'queued' AND due_at IS NOT NULL;
CREATE INDEX uploads_of_jobs ON uploads (job, destination_index) WHERE job IS NOT NULL;
CREATE INDEX uploads_running ON uploads (owner_id) WHERE state = 'running';
CREATE INDEX uploads_resumable ON uploads (seq) WHERE resumable = 1 AND job IS NULL;
CREATE INDEX uploads_untold ON uploads (seq) WHERE state = 'unknown' AND reported = 0;
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

-- What a server was asked for; source and labels stand with the uploads, of which every job has some.
CREATE TABLE jobs (
  -- Never used twice: uploads of forgotten jobs keep theirs.
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  -- The first of JOB_STATES that any of its uploads has, by its place there; the triggers keep it so.
  state      INTEGER NOT NULL,
  group_id   TEXT,
  hook       TEXT,
  not_before INTEGER,
  settle_ms  REAL,
  callback   TEXT,
  after      TEXT NOT NULL,
  resumable  TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at   INTEGER,
  -- Whether everybody has been told how it ended.
  told       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_in_state ON jobs (state);
CREATE INDEX jobs_unended ON jobs (seq) WHERE state < 3;
CREATE INDEX jobs_untold ON jobs (seq) WHERE state >= 3 AND told = 0;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TRIGGER uploads_change_job AFTER UPDATE OF state, due_at, waiting_for ON uploads
  WHEN NEW.job IS NOT NULL AND (NEW.shown <> OLD.shown OR NEW.finished_at IS NOT OLD.finished_at)
BEGIN
  UPDATE jobs SET (state, ended_at, told) = (
    SELECT min(shown), CASE WHEN min(shown) >= 3 THEN max(finished_at) END, min(shown) >= 3 AND jobs.told
    FROM uploads WHERE job = NEW.job
  ) WHERE seq = NEW.job;
END;

-- How many jobs are in each state: counting them would take as long as there are jobs.
CREATE TABLE job_counts (
  state INTEGER PRIMARY KEY,
  n     INTEGER NOT NULL
) STRICT;
INSERT INTO job_counts VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0);
CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN
  UPDATE job_counts SET n = n + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER jobs_changed AFTER UPDATE OF state ON jobs WHEN NEW.state <> OLD.state BEGIN
  UPDATE job_counts SET n = n - 1 WHERE state = OLD.state;
  UPDATE job_counts SET n = n + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER jobs_forgotten AFTER DELETE ON jobs BEGIN
  UPDATE job_counts SET n = n - 1 WHERE state = OLD.state;
END;

-- Requests that are answered with the jobs of the first of their key.
CREATE TABLE request_keys (
  scope      TEXT NOT NULL,
  key        TEXT NOT NULL,
  hash       TEXT,
  job_ids    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_keys_by_age ON request_keys (created_at);

-- Ids of signed messages.
CREATE TABLE messages (
  scope      TEXT NOT NULL,
  id         TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_by_age ON messages (created_at);

CREATE TABLE deliveries (
  seq        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  channel    TEXT NOT NULL,
  url        TEXT NOT NULL,
  body       TEXT NOT NULL,
  tries      INTEGER NOT NULL DEFAULT 0,
  due_at     INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_due ON deliveries (due_at);
`;

export const SCHEMA_2 = `
-- Why a server has paused the account; null: a person did, or nobody.
ALTER TABLE accounts ADD COLUMN paused_because TEXT;
`;
