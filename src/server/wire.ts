/** How clients connect. */
export type Wire =
  /** Whoever can open it is let in, and names in `Host` mean nothing. */
  | { readonly kind: "unix" }
  /** `hosts`: the loopback names with the port, as `Host` has them. */
  | { readonly kind: "tcp"; readonly hosts: ReadonlySet<string> };

/** Names under which this machine reaches a port of itself, as `Host` has them. */
export function loopbackHosts(hostname: string, port: number): ReadonlySet<string> {
  const names = ["127.0.0.1", "localhost", "[::1]"];
  if (hostname.startsWith("127.")) names.push(hostname);
  // Clients leave the scheme's own port out.
  return new Set(names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])));
}
