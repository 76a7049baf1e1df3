import type { AccountEndpoint, Credentials, Host } from "../../hosts/host.ts";

/** An account as configured, not yet opened. */
export interface Account {
  /** The name in `--to`, in results and in the configuration. */
  readonly name: string;
  readonly host: Host;
  readonly user: string;
  readonly endpoint: AccountEndpoint;
  /** host + base URL's origin + login: what ledger, lanes and cool-downs belong to, whatever the account's name. */
  readonly key: string;
  /**
   * Reads the secrets (environment, files, a command) once. Fails with `config`, naming the variable to set, when
   * none of those the host needs is there.
   */
  credentials(): Promise<Credentials>;
}
