import { pageMarkup, pageScript, pageStyle } from "./embed.ts" with { type: "macro" };

export interface DashboardPage {
  readonly html: string;
  /** Content-Security-Policy: nothing but the page's own style and script, and its own server. */
  readonly csp: string;
}

const script = pageScript();
const style = pageStyle();

/** The page at `/`: static, without data. */
export function dashboardPage(): DashboardPage {
  // A replacement text may not read `$&` and the like out of the script.
  const html = pageMarkup()
    .replace("<!--style-->", () => `<style>${style}</style>`)
    .replace("<!--script-->", () => `<script>${script}</script>`);
  const csp = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, csp };
}

function hashOf(text: string): string {
  return `'sha256-${new Bun.CryptoHasher("sha256").update(text).digest("base64")}'`;
}
