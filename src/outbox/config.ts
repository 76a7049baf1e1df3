import { readNotifyTargets } from "../config/notify.ts";
import type { NotifySection } from "../config/notify-schema.ts";
import type { ConfigPlace } from "../config/secret-source.ts";
import type { ServeConfig } from "../config/serve.ts";
import { AppError } from "../errors.ts";
import { parseWebhookSecret } from "../server/signatures.ts";
import { parseCallbackHosts } from "./callback-hosts.ts";
import type { OutboxConfig } from "./world.ts";

/** Reads the secrets of `[[notify]]`. Fails with `config`, naming the key. */
export async function readOutboxConfig(
  { callbackHosts, callbackSecret }: Pick<ServeConfig, "callbackHosts" | "callbackSecret">,
  sections: readonly NotifySection[],
  place: ConfigPlace,
): Promise<OutboxConfig> {
  const key = callbackSecret === null ? null : parseWebhookSecret(callbackSecret);
  if (callbackSecret !== null && key === null) {
    throw new AppError("config", "serve.callback_secret: the secret is not whsec_ and base64");
  }
  return {
    callbacks: { key, hosts: parseCallbackHosts(callbackHosts) },
    notify: await readNotifyTargets(sections, place),
  };
}
