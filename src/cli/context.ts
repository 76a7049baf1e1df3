import type { Globals } from "./globals.ts";
import type { CliIo } from "./io.ts";
import type { Output } from "./output/output.ts";

/** What every command is given besides its own options. */
export interface CommandContext {
  readonly io: CliIo;
  readonly globals: Globals;
  /** The words that are no options. */
  readonly operands: readonly string[];
  readonly out: Output;
  /** For help, completions and the manual, which look at all commands. */
  readonly commands: CommandTree;
}

/** The commands of the program or of a group, by name. */
export type CommandTree = Readonly<Record<string, CommandNode>>;

export type CommandNode =
  /** A command; it may hold others besides, which stand right behind its name. */
  | {
      readonly summary: string;
      readonly load: () => Promise<import("./command.ts").Command>;
      readonly commands?: CommandTree;
    }
  | { readonly summary: string; readonly commands: CommandTree };
