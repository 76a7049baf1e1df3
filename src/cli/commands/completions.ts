import { didYouMean } from "../../core/nearest.ts";
import { AppError } from "../../errors.ts";
import { allCommands } from "../all-commands.ts";
import { defineCommand } from "../command.ts";
import { bashScript } from "../completions/bash.ts";
import { fishScript } from "../completions/fish.ts";
import { completionModel } from "../completions/model.ts";
import { zshScript } from "../completions/zsh.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export const completions = defineCommand({
  name: "completions",
  summary: "print a completion script for a shell",
  examples: [
    ["hoist completions bash > ~/.local/share/bash-completion/completions/hoist", "bash; mkdir -p its folder first"],
    ["hoist completions zsh > ~/.zfunc/_hoist", "zsh, with ~/.zfunc in $fpath before compinit"],
    ["hoist completions fish > ~/.config/fish/completions/hoist.fish", "fish; the same"],
  ],
  operands: { usage: "<bash|zsh|fish>", min: 1, max: 1 },
  options: {},
  async run({ operands, commands, out }) {
    const shell = operands[0] ?? "";
    if (!isShell(shell)) {
      const wanted = didYouMean(shell, Object.keys(SCRIPTS));
      throw new AppError("usage", `there are no completions for "${shell}"`, {
        hint: wanted === undefined ? "bash, zsh and fish have them" : `did you mean ${wanted}?`,
      });
    }
    out.raw(SCRIPTS[shell](completionModel(commands, await allCommands(commands))));
    return 0;
  },
});

function isShell(shell: string): shell is keyof typeof SCRIPTS {
  return Object.hasOwn(SCRIPTS, shell);
}
