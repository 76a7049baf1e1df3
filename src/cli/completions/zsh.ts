import { type CompletionOption, type CompletionPlace, valueFlags } from "./model.ts";

/** Finds the command among the words, then leaves the rest to `_arguments`. */
export function zshScript(places: readonly CompletionPlace[]): string {
  return `#compdef hoist
_hoist() {
  local hoist_path= hoist_word hoist_skip= hoist_at=1 hoist_i
  for ((hoist_i = 2; hoist_i < CURRENT; hoist_i++)); do
    hoist_word=\${words[hoist_i]}
    if [[ -n $hoist_skip ]]; then hoist_skip=; continue; fi
    case $hoist_word in
      ${valueFlags(places).join("|")}) hoist_skip=1 ;;
      -*) ;;
      *)
        case "$hoist_path $hoist_word" in
          ${places.flatMap(({ path }) => (path.length === 0 ? [] : [`" ${path.join(" ")}"`])).join("|")})
            hoist_path="$hoist_path $hoist_word" hoist_at=$hoist_i ;;
        esac ;;
    esac
  done
  # _arguments shall see the command's own words only.
  if ((hoist_at > 1)); then
    words=(hoist "\${(@)words[hoist_at+1,-1]}")
    ((CURRENT -= hoist_at - 1))
  fi
  case $hoist_path in
${places.map(placeCase).join("\n")}
  esac
}
if [[ $funcstack[1] == _hoist ]]; then _hoist "$@"; else compdef _hoist hoist; fi
`;
}

function placeCase({ path, words, options, files }: CompletionPlace): string {
  const key = path.length === 0 ? '""' : `" ${path.join(" ")}"`;
  const named = words.map(({ word, summary }) => (summary === "" ? word : `${word}\\:${quoteInner(summary)}`));
  const first = words.length > 0 ? [`'1:command:((${named.join(" ")}))'`] : [];
  const rest = files ? ["'*:file:_files'"] : [];
  const specs = [...options.map(optionSpec), ...first, ...rest].map((spec) => `        ${spec}`);
  return `    ${key})\n      _arguments -s -S \\\n${specs.join(" \\\n")} ;;`;
}

function optionSpec({ flags, summary, values, repeatable }: CompletionOption): string {
  const value = values === null ? "" : values.length === 0 ? ":value:_files" : `:value:(${values.join(" ")})`;
  const text = `[${plain(summary)}]${value}`;
  const assign = (flag: string) => (values === null ? flag : flag.startsWith("--") ? `${flag}=` : `${flag}+`);
  if (repeatable) return `'*'${flags.map((flag) => `'${assign(flag)}${text}'`).join(" '*'")}`;
  const exclusive = `(${flags.join(" ")})`;
  return flags.map((flag) => `'${exclusive}${assign(flag)}${text}'`).join(" ");
}

/** Inside `[…]` of a quoted spec. */
function plain(text: string): string {
  return quoted(text.replace(/[\\[\]:]/g, "\\$&"));
}

/** Inside `((word\:text …))` of a quoted spec, which zsh evaluates once more. */
function quoteInner(text: string): string {
  return quoted(text.replace(/[^\p{L}\p{N}_]/gu, "\\$&"));
}

/** Inside single quotes. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}
