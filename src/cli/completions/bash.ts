import { type CompletionPlace, valueFlags } from "./model.ts";

/** Completes commands, options and fixed values; readline's own file names do the rest (`-o default`). */
export function bashScript(places: readonly CompletionPlace[]): string {
  return `# bash completion for hoist
_hoist() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path= word skip= i
  COMPREPLY=()
  # Bash splits --option=value at the =.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then [[ $word == = ]] || skip=; continue; fi
    case $word in
      ${valueFlags(places).join("|")}) skip=1 ;;
      -*|=) ;;
      *)
        case "$path $word" in
          ${namedPaths(places)}) path="$path $word" ;;
        esac ;;
    esac
  done
  case "$path:$prev" in
${places.flatMap(valueCases).join("\n")}
  esac
  local words= options=
  case $path in
${places.map(placeCase).join("\n")}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -o default -F _hoist hoist
`;
}

function key({ path }: CompletionPlace): string {
  return path.length === 0 ? '""' : `" ${path.join(" ")}"`;
}

function namedPaths(places: readonly CompletionPlace[]): string {
  return places.flatMap((place) => (place.path.length === 0 ? [] : [key(place)])).join("|");
}

/** Behind an option that takes a value: its choices, or nothing, and then readline offers files. */
function valueCases(place: CompletionPlace): string[] {
  const path = place.path.map((word) => ` ${word}`).join("");
  return place.options.flatMap(({ flags, values }) => {
    if (values === null) return [];
    const patterns = flags.map((flag) => `"${path}:${flag}"`).join("|");
    const reply = values.length === 0 ? "return" : `COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$cur")); return`;
    return [`    ${patterns}) ${reply} ;;`];
  });
}

function placeCase(place: CompletionPlace): string {
  const words = place.words.map(({ word }) => word).join(" ");
  const options = place.options.flatMap(({ flags }) => flags).join(" ");
  return `    ${key(place)}) words="${words}" options="${options}" ;;`;
}
