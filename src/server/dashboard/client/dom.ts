import { safeText } from "../../../safe-text.ts";

type Child = Node | string | null;

/**
 * An element with properties and children; text stays text, whatever a file is called, and characters that turn a line
 * around are shown for what they are.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<Record<"className" | "title" | "type" | "href" | "target" | "rel" | "ariaLabel", string>> & {
    readonly onclick?: (event: MouseEvent) => void;
    readonly value?: number | string;
    readonly max?: number;
    readonly disabled?: boolean;
    readonly data?: Readonly<Record<string, string>>;
  } = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const { data, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  for (const [key, value] of Object.entries(data ?? {})) made.dataset[key] = value;
  made.append(
    ...children.filter((child) => child !== null).map((child) => (typeof child === "string" ? safeText(child) : child)),
  );
  return made;
}

/** Puts a new card in an old one's place; a keyboard that was in it stays there, on the same button if there is one. */
export function replaceCard(old: HTMLElement, card: HTMLElement): void {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const label = focused?.getAttribute("aria-label");
  old.replaceWith(card);
  if (focused === null) return;
  const same = label == null ? null : card.querySelector<HTMLElement>(`[aria-label="${CSS.escape(label)}"]`);
  (same ?? card.querySelector<HTMLElement>("button") ?? null)?.focus();
}

/** The element of the page with that id; the page is ours, so it is there. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`);
  return found;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Only what a browser may safely open; a host's answer is not trusted with more. */
export function safeLink(url: string | null): string | null {
  return url !== null && /^https?:\/\//i.test(url) ? url : null;
}

export function moment(timestamp: string): string {
  return new Date(timestamp).toLocaleString();
}
