import { join } from "node:path";
import type { ServiceFacts } from "./facts.ts";
import { assertPlain, stopSeconds } from "./unit.ts";

export const LABEL = "hoist.serve";

/** launchd knows no exit code that forbids another try: this is what a broken configuration costs. */
const SECONDS_BETWEEN_STARTS = 30;
/** 0027. */
const UMASK = 23;

/** A launch agent of `hoist serve`, without its mark; its log goes to the user's `Library/Logs`. */
export function launchdPlist(facts: ServiceFacts, home: string): string {
  const entries: [key: string, value: string][] = [
    ["Label", string(LABEL)],
    ["ProgramArguments", `<array>${[facts.program, ...facts.argv].map(string).join("")}</array>`],
    ["RunAtLoad", "<true/>"],
    ["KeepAlive", "<dict><key>SuccessfulExit</key><false/></dict>"],
    ["ThrottleInterval", integer(SECONDS_BETWEEN_STARTS)],
    ["ExitTimeOut", integer(stopSeconds(facts))],
    ["Umask", integer(UMASK)],
    ["StandardErrorPath", string(join(home, "Library", "Logs", "hoist.log"))],
  ];
  return `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
${entries.map(([key, value]) => `  <key>${key}</key>\n  ${value}`).join("\n")}
</dict>
</plist>
`;
}

function string(text: string): string {
  return `<string>${escapeXml(assertPlain(text))}</string>`;
}

function integer(number: number): string {
  return `<integer>${number}</integer>`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
