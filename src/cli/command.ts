import { type ArgsDef, runCommand } from "citty";
import type { CheckedArgv, Operands } from "./argv/argv.ts";
import type { Option, Options, Values } from "./argv/options.ts";
import type { CommandContext } from "./context.ts";

export interface CommandSpec<O extends Options> {
  /** With its group: `account add`. */
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** What the summary cannot say; one paragraph each, in the help and the manual only. */
  readonly details?: readonly string[] | (() => Promise<readonly string[]>);
  /** At least one: a command line and what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Left out: options only. */
  readonly operands?: Operands;
  readonly options: O;
  /** Returns the exit code; nothing is 0. Failures are thrown as AppError. */
  run(context: CommandContext, values: Values<O>): Promise<number | undefined>;
}

/** A command as dispatch, help, completions and the manual see it. */
export interface Command extends Omit<CommandSpec<Options>, "run" | "operands"> {
  readonly operands: Operands;
  run(context: CommandContext, checked: CheckedArgv): Promise<number>;
}

export async function detailsOf({ details }: Command): Promise<readonly string[]> {
  return typeof details === "function" ? details() : (details ?? []);
}

/**
 * A citty command behind a strict door: `argv.ts` refuses what citty lets pass and hands it the rest spelled out
 * (`--key=value`), so that citty's lenient reading has nothing to guess.
 */
export function defineCommand<const O extends Options>(spec: CommandSpec<O>): Command {
  return {
    ...spec,
    operands: spec.operands ?? { usage: "", min: 0, max: 0 },
    async run(context, checked) {
      const { result } = await runCommand(
        {
          meta: { name: spec.name, description: spec.summary },
          args: cittyArgs(spec.options),
          run: ({ args }) => spec.run(context, valuesOf(spec.options, args, checked)),
        },
        { rawArgs: [...checked.spelledOut] },
      );
      return typeof result === "number" ? result : 0;
    },
  };
}

function cittyArgs(options: Options): ArgsDef {
  return Object.fromEntries(
    Object.entries(options).flatMap(([key, option]) => (option.type === "list" ? [] : [[key, cittyArg(option)]])),
  );
}

function cittyArg(option: Exclude<Option, { type: "list" }>): ArgsDef[string] {
  switch (option.type) {
    case "flag":
      return { type: "boolean", default: option.negated === true };
    case "value":
      return { type: "string" };
    case "choice":
      return {
        type: "enum",
        options: [...option.choices],
        ...(option.default === undefined ? {} : { default: option.default }),
      };
  }
}

function valuesOf<O extends Options>(
  options: O,
  args: Readonly<Record<string, unknown>>,
  checked: CheckedArgv,
): Values<O> {
  const values = Object.entries(options).map(([key, option]) => [
    key,
    option.type === "list" ? checked.lists[key] : args[key],
  ]);
  return Object.fromEntries(values) as Values<O>;
}
