import * as prompts from "@clack/prompts";
import { AppError } from "../errors.ts";
import type { Host, SecretName } from "../hosts/host.ts";

export interface DialogueInput {
  /** What the command line said already. */
  readonly given: {
    readonly name: string | undefined;
    readonly host: string | undefined;
    readonly user: string | undefined;
    readonly secret: boolean;
  };
  readonly hosts: ReadonlyMap<string, Host>;
  readonly signal: AbortSignal;
  /** Why a name cannot be taken; null when it can. */
  readonly refuseName: (name: string) => string | null;
}

export interface DialogueAnswers {
  readonly name: string;
  readonly host: string;
  readonly user: string;
  readonly secrets: Readonly<Partial<Record<SecretName, string>>>;
}

const TITLES: Readonly<Record<SecretName, string>> = {
  token: "Application login token",
  password: "Password",
  apiKey: "API key of your application",
};

/** Asks, on stderr, for what is missing. Fails with `cancelled` when the person gives up. */
export async function askForAccount({ given, hosts, signal, refuseName }: DialogueInput): Promise<DialogueAnswers> {
  const common = { output: process.stderr, signal };
  const hostOf = (name: string | undefined) => (name === undefined ? undefined : hosts.get(name));
  const host =
    hostOf(given.host) ??
    hostOf(given.name) ??
    hosts.get(
      answered(
        await prompts.select({
          ...common,
          message: "Which host?",
          options: [...hosts.values()].map(({ id, title }) => ({ value: id, label: title })),
        }),
      ),
    );
  if (host === undefined) throw new AppError("usage", `there is no host "${given.host}"`);
  const name = given.name ?? answered(await askName(host, refuseName, common));
  const user = given.user ?? answered(await prompts.text({ ...common, message: "Login", validate: filled }));
  const secrets = given.secret ? {} : await askSecrets(host, common);
  return { name, host: host.id, user, secrets };
}

type Common = { readonly output: NodeJS.WriteStream; readonly signal: AbortSignal };

function askName(host: Host, refuseName: DialogueInput["refuseName"], common: Common) {
  return prompts.text({
    ...common,
    message: "Name of the account, as in --to NAME",
    ...(refuseName(host.id) === null ? { initialValue: host.id } : {}),
    validate: (value) => refuseName(value ?? "") ?? undefined,
  });
}

async function askSecrets(host: Host, common: Common): Promise<Partial<Record<SecretName, string>>> {
  const [only, ...more] = host.needs;
  const kind =
    more.length === 0 || only === undefined
      ? only
      : answered(
          await prompts.select<SecretName>({
            ...common,
            message: "Log in with",
            options: host.needs.map((value) => ({ value, label: TITLES[value] })),
          }),
        );
  const secrets: Partial<Record<SecretName, string>> = {};
  if (kind !== undefined) {
    secrets[kind] = answered(await prompts.password({ ...common, message: TITLES[kind], validate: filled }));
  }
  for (const extra of host.accepts) {
    const value = answered(await prompts.password({ ...common, message: `${TITLES[extra]} (empty: none)` }));
    // An empty prompt gives undefined.
    if (value) secrets[extra] = value;
  }
  return secrets;
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? "It must not be empty" : undefined;
}

function answered<T>(answer: T | typeof prompts.CANCEL_SYMBOL): T {
  if (typeof answer === "symbol") throw new AppError("cancelled", "nothing was added");
  return answer as T;
}
