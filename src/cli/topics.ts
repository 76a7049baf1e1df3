/** `hoist help <topic>`. */
export const TOPICS = {
  "exit-codes": `Exit codes

  0    everything is stored, verified and committed, or was skipped
  1    a bug in hoist
  2    usage or configuration
  3    mixed: some uploads failed and others are up, or they failed for different reasons
  4    what you named is not there, not readable, or changed while being sent
  5    temporary: network, host down, cool-down; the same command later can succeed
  6    login refused
  7    the host refused for good: too large, quota, name, folder
  8    integrity: what the host holds is not what was sent
  9    outcome unknown: the host may hold the file or not
  10   a person is needed: a captcha
  11   this machine's state: locked, disk full, already running, account paused
  129  interrupted by HUP; 130 by INT (Ctrl-C); 143 by TERM

When several hold: interrupted, else 1 if anything is a bug, else 9 if any outcome is unknown, else 0 if nothing
failed, else the one code all failures share if nothing was stored or skipped, else 3. Treat any other code as a
failure.
`,
  environment: `Environment

Command line options win over the environment, which wins over the configuration file. Empty means not set.

  HOIST_CONFIG                configuration file; else $CONFIGURATION_DIRECTORY/config.toml, else
                              $XDG_CONFIG_HOME/hoist/config.toml (~/.config/hoist/config.toml)
  HOIST_STATE_DIR             directory of history, resume and spool; else $STATE_DIRECTORY, else
                              $XDG_STATE_HOME/hoist (~/.local/state/hoist)
  HOIST_RETRY_BASE            about how long the first retry waits (1s)
  HOIST_SERVE_LISTEN          where hoist serve listens (127.0.0.1:7411)
  HOIST_SERVE_TOKEN           a token that may submit and read; at least 24 bytes      also _TOKEN_FILE
  HOIST_SERVE_ROOTS           directories whose files may be named, separated by colons
  HOIST_SERVE_HOSTS           names under which clients reach it, separated by commas
  HOIST_SERVER                the server that hoist jobs asks: a URL or unix:/path
  HOIST_TOKEN                 the token it shows                                       also HOIST_TOKEN_FILE
  NO_COLOR                    no colours
  CI                          no progress bar unless --progress always
  NODE_EXTRA_CA_CERTS         certificates to trust besides the system's
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY

For each account, its name in upper case and - as _ (HOIST_UPLOADGIG_USER, HOIST_MY_DISK_USER):

  HOIST_<ACCOUNT>_HOST        uploadgig or ulozto; not needed for the accounts of these names
  HOIST_<ACCOUNT>_USER        login
  HOIST_<ACCOUNT>_PASSWORD    password                         also _PASSWORD_FILE
  HOIST_<ACCOUNT>_TOKEN       application login token          also _TOKEN_FILE
  HOIST_<ACCOUNT>_API_KEY     X-Auth-Token of the application  also _API_KEY_FILE
  HOIST_<ACCOUNT>_URL         base URL of the host: for the sandbox, tests and proxies

A _FILE variable names a file; its content without the last newline is the secret. Setting both forms is an error.
Secrets are looked for in the environment, then in $CREDENTIALS_DIRECTORY/<account>.password|token|api_key, then in
the configuration.
`,
  formats: `Formats of results (--format)

  text      for people; the default on a terminal
  url       one link per line; the default elsewhere
  json      one JSON object per line: a result for each upload as it ends, then a summary (--json is short for it)
  markdown  [name](link)
  bbcode    [url=link]name[/url]
  html      <a href="link">name</a>
  csv       file,name,account,folder,size,md5,url,error; with a header line

Anything with { is a template, one line for each upload:

  {url} {name} {file} {size} {size:h} {md5} {account} {host} {folder} {time} {n} {label.KEY}
  \\n is a line break, \\t a tab, \\\\ a backslash, {{ a brace

Results come in the order of the sources, then of the destinations; json as the uploads end. A failed upload has no
line but in text, csv (with an empty link) and json; stderr tells why. --group-by host or file puts a heading before
each group of links.

hoist jobs add --wait has the same formats; hoist jobs list, show and watch have text and the server's own json.

Control and bidirectional characters in names are shown as \\u{1b}; json has them as \\u001b, which a parser gives back.
With -v, json also has objects of the types start, progress, retry and stored. A captcha to solve is
{"v":1,"type":"captcha","account":…,"url":…}. Take no offence at new keys and types: they may be added.
`,
  hooks: `Hooks

Hooks let other programs start uploads by webhook. They stand in the configuration file, and hoist serve takes them:

  [serve]
  roots = ["/srv/media"]                       # files below may be uploaded

  [hooks.sonarr]
  preset = "sonarr"
  to = ["ulozto:/Series/{payload.series.title}"]
  rewrite = [["/tv/", "/srv/media/tv/"]]       # the sender's path, this machine's
  settle = "10s"                               # wait until the file stands still
  auth = { basic = { user = "sonarr", password = { file = "/etc/hoist/sonarr.secret" } } }

  [hooks.backup]                               # any program that sends JSON or a form
  path = "$.artifact.files[*].path"            # where the payload has the path; a form's field is $.field
  name = "$.artifact.title"
  to = ["ulozto:/Backups"]
  when = [{ at = "$.status", equals = "success" }]
  auth = { bearer = { file = "/etc/hoist/backup.secret" } }

  preset    sonarr, radarr, qbittorrent, transmission, mediamtx, bililive, generic
  to        destinations; {payload.a.b} is a value of the payload, made one part of the folder ([up] to)
  base      the folders below it are added to the destination's; relative paths start there
  rewrite   pairs of prefixes; the longest that fits counts
  roots     directories below which the file must be ([serve] roots)
  settle    how long size and time must have stood still
  path, name, when     for generic payloads; when has equals, in, matches or exists, and all must hold
  methods   ["POST"]; add "GET" for senders that can do no more
  auth      bearer, basic = { user, password }, standard (Standard Webhooks), github, query_token (?token=…);
            without it the sender needs a token of the server with the scope submit

A request that comes again makes no second job when it has an Idempotency-Key (with another body it is refused), when the
preset knows its file, or when its message has an id; otherwise each call makes a job, and hooks test says so.

hoist hooks list prints each hook's URL and what to enter in its sender; hoist hooks test NAME [payload.json] shows what
becomes of a payload. hoist serve learns of new hooks when it is sent a HUP.
`,
} as const;

export type Topic = keyof typeof TOPICS;
export const TOPIC_NAMES = Object.keys(TOPICS) as readonly Topic[];
