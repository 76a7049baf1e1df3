interface Described {
  /** One letter or digit. */
  readonly short?: string;
  /** One line for the help; the default is told there too. */
  readonly summary: string;
  /** Heading in the help under which it stands; `Options` when left out. */
  readonly group?: string;
}

export interface Flag extends Described {
  readonly type: "flag";
  /** On unless `--no-<name>` is given, which is then the only form. */
  readonly negated?: true;
}

export interface Value extends Described {
  readonly type: "value";
  /** What stands for the value in the help: `N`, `DUR`, `FILE`. */
  readonly hint: string;
  readonly required?: true;
  /** What shells offer for it; others are taken, too. */
  readonly offers?: readonly string[];
  /** It may stand alone, which gives the empty text; a word behind it is its value only when it looks like this. */
  readonly lone?: RegExp;
}

export interface Choice extends Described {
  readonly type: "choice";
  readonly choices: readonly string[];
  readonly default?: string;
}

/** May be given several times; every value counts. */
export interface List extends Described {
  readonly type: "list";
  readonly hint: string;
}

export type Option = Flag | Value | Choice | List;

/** By name in camelCase; the command line knows it in kebab-case. */
export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends Flag
  ? boolean
  : O extends List
    ? readonly string[]
    : O extends Choice
      ? O["choices"][number] | (O extends { readonly default: string } ? never : undefined)
      : string | (O extends { readonly required: true } ? never : undefined);

/** Whether the word behind the option can be something else than its value. */
export function standsAlone(option: Option): boolean {
  return option.type === "flag" || (option.type === "value" && option.lone !== undefined);
}

/** What a command gets for its options. */
export type Values<O extends Options> = { readonly [K in keyof O]: ValueOf<O[K]> };

/** `limitRate` → `limit-rate`. */
export function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The long form a person types: `--limit-rate`, `--no-history`. */
export function longFlag(key: string, option: Option): string {
  return option.type === "flag" && option.negated === true ? `--no-${kebab(key)}` : `--${kebab(key)}`;
}
