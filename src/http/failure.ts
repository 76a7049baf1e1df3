import { AppError } from "../errors.ts";

const CERTIFICATE_CODES = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REVOKED",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
]);

/** What the network did, in words a person can act on. */
const NETWORK_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ConnectionRefused: "the connection was refused",
  ECONNRESET: "the connection was broken off",
  ConnectionClosed: "the connection was broken off",
  ENOTFOUND: "the name could not be resolved",
  EAI_AGAIN: "the name could not be resolved",
  DNSException: "the name could not be resolved",
  EPIPE: "the connection was broken off",
  ENETUNREACH: "the network is unreachable",
  EHOSTUNREACH: "the host is unreachable",
};

/** Turns what `fetch` or a body stream threw into an AppError; `where` is host and port, never a whole URL. */
export function classifyFetchError(thrown: unknown, where: string): AppError {
  if (thrown instanceof AppError) return thrown;
  const { code, message } = describe(thrown);
  // Bun's own error carries the whole URL, and with it upload addresses that are bearer secrets.
  const cause = new Error(code === "" ? message : `${code}: ${message}`);
  if (CERTIFICATE_CODES.has(code) || /certificate/i.test(message)) {
    return new AppError("certificate", `${where} has no valid certificate (${code})`, {
      hint: "check the clock and NODE_EXTRA_CA_CERTS",
      cause,
    });
  }
  return new AppError("network", `${where}: ${NETWORK_WORDS[code] ?? `network failure (${code || "unknown"})`}`, {
    cause,
  });
}

function describe(thrown: unknown): { readonly code: string; readonly message: string } {
  if (typeof thrown !== "object" || thrown === null) return { code: "", message: String(thrown) };
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  const message = "message" in thrown && typeof thrown.message === "string" ? thrown.message : "";
  return { code, message };
}
