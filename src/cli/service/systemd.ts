import { posix } from "node:path";
import { AppError } from "../../errors.ts";
import { type ServiceFacts, SYSTEM_CONFIG } from "./facts.ts";
import { assertPlain, stopSeconds } from "./unit.ts";

/** A unit of `hoist serve`, without its first line. Fails with `usage` on a path that no unit can name. */
export function systemdUnit(facts: ServiceFacts): string {
  const system = facts.scope === "system";
  return [
    ["[Unit]", "Description=hoist: uploads by HTTP and by webhook", ...(system ? ONLINE : [])],
    // A broken configuration is mended by a person; anything else may mend itself, but not in the hundredth try.
    ["StartLimitIntervalSec=5min", "StartLimitBurst=10", ""],
    ["[Service]", "Type=exec", `ExecStart=${commandLine([facts.program, ...facts.argv])}`],
    ["ExecReload=kill -HUP $MAINPID", "KillMode=mixed", "KillSignal=SIGTERM"],
    [`TimeoutStopSec=${stopSeconds(facts)}`, "SuccessExitStatus=130 143"],
    ["Restart=on-failure", "RestartSec=15", "RestartPreventExitStatus=2", ""],
    system ? ownership(facts) : [],
    // Its own files are private by their modes; what it moves for a group stays readable by that group.
    ["UMask=0027", "NoNewPrivileges=yes"],
    system ? confinement(facts) : [],
    RESTRICTIONS,
    ["", "[Install]", `WantedBy=${system ? "multi-user.target" : "default.target"}`, ""],
  ]
    .flat()
    .join("\n");
}

const ONLINE = ["Wants=network-online.target", "After=network-online.target"];

/**
 * Holds for units of users, too. `MemoryDenyWriteExecute=` is not among them: it turns the JIT off, and everything
 * takes thirteen times as long.
 */
const RESTRICTIONS = [
  // Netlink is how a resolver learns which addresses the machine has.
  "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "LockPersonality=yes",
  "SystemCallArchitectures=native",
  "SystemCallFilter=@system-service",
  "SystemCallErrorNumber=EPERM",
];

function ownership({ runAs, groups, stateDir, credentials }: ServiceFacts): string[] {
  return [
    ...(runAs === null ? ["DynamicUser=yes"] : [`User=${runAs}`]),
    ...(groups.length === 0 ? [] : [`SupplementaryGroups=${groups.join(" ")}`]),
    // Its content is read only; root writes it.
    "ConfigurationDirectory=hoist",
    ...(stateDir === null ? ["StateDirectory=hoist", "StateDirectoryMode=0700"] : []),
    ...(credentials.some(({ there }) => !there)
      ? [`# Secrets that only root can read; written again with each that is in ${SYSTEM_CONFIG}:`]
      : []),
    ...credentials.map(({ id, path, there }) => `${there ? "" : "#"}LoadCredential=${id}:${path}`),
    "",
  ];
}

/**
 * `ProtectProc=` and `ProcSubset=` are left alone: in `/proc` hoist sees whether another hoist that holds an upload is
 * still alive, and one that is hidden would be taken for dead.
 */
function confinement(facts: ServiceFacts): string[] {
  const port = facts.listen.kind === "tcp" ? facts.listen.port : 0;
  const low = port > 0 && port < 1024;
  return [
    `CapabilityBoundingSet=${low ? "CAP_NET_BIND_SERVICE" : ""}`,
    ...(low ? ["AmbientCapabilities=CAP_NET_BIND_SERVICE"] : []),
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    ...paths(facts),
  ];
}

/** Everything can be read but what is private to the service: `/tmp`. A path that is not there stops nothing. */
function paths({ roots, listen, stateDir }: ServiceFacts): string[] {
  const writable = roots.filter(({ path, write }) => write && !isTemporary(path)).map(({ path }) => path);
  const temporary = roots.filter(({ path }) => isTemporary(path));
  return [
    ...(listen.kind === "unix" ? socketDirectory(posix.dirname(listen.path)) : []),
    ...[...(stateDir === null ? [] : [stateDir]), ...writable].map((path) => `ReadWritePaths=${quote(`-${path}`)}`),
    ...temporary.map(({ path, write }) => `${write ? "BindPaths" : "BindReadOnlyPaths"}=${quote(`-${path}`)}`),
  ];
}

function socketDirectory(directory: string): string[] {
  const own = /^\/run\/([\w.-]+)$/.exec(directory)?.[1];
  // Whether others may use the socket is said by the mode of the socket.
  return own === undefined ? [`ReadWritePaths=${quote(`-${directory}`)}`] : [`RuntimeDirectory=${own}`];
}

/** Whether the service has a directory of its own in that place, and sees nothing of the real one. */
export function isTemporary(path: string): boolean {
  return ["/tmp", "/var/tmp"].some((directory) => path === directory || path.startsWith(`${directory}/`));
}

/** The program cannot be a variable; what follows can, so a dollar is doubled there. Fails with `usage`. */
function commandLine([program = "", ...argv]: readonly string[]): string {
  if (/["'\\]/.test(program)) {
    throw new AppError("usage", `systemd runs no program with quotes or backslashes in its path: ${program}`, {
      hint: "install hoist in another place, such as /usr/local/bin",
    });
  }
  return [quote(program), ...argv.map((word) => quote(word.replaceAll("$", "$$$$")))].join(" ");
}

/** One word: blanks, colons, quotes and backslashes stay what they are, and `%` names no specifier. */
function quote(word: string): string {
  const plain = assertPlain(word).replaceAll("%", "%%");
  return /^[\w@%+=,./$-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, "\\$&")}"`;
}
