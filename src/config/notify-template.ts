/** What a message can say of an event; what does not apply is empty. */
export const NOTIFY_FIELDS = [
  "name",
  "url",
  "state",
  "error",
  "account",
  "id",
  "host",
  "folder",
  "size",
  "file",
  "hook",
] as const;
export type NotifyField = (typeof NOTIFY_FIELDS)[number];

export type NotifyPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "field"; readonly field: NotifyField }
  | { readonly kind: "label"; readonly label: string };

/** `"{name}: {state}"` → its parts, `{{` and `}}` being braces; null when it has a placeholder that nothing stands for. */
export function parseNotifyTemplate(template: string): readonly NotifyPart[] | null {
  const parts: NotifyPart[] = [];
  let end = 0;
  for (const match of template.matchAll(/\{\{|\}\}|\{([^{}]*)\}|\{/g)) {
    parts.push({ kind: "text", text: template.slice(end, match.index) });
    end = match.index + match[0].length;
    const part = match[0].length === 2 && match[1] === undefined ? brace(match[0]) : placeholder(match[1] ?? "");
    if (part === null) return null;
    parts.push(part);
  }
  parts.push({ kind: "text", text: template.slice(end) });
  return parts.filter((part) => part.kind !== "text" || part.text !== "");
}

function brace(pair: string): NotifyPart {
  return { kind: "text", text: pair.slice(0, 1) };
}

function placeholder(key: string): NotifyPart | null {
  const field = NOTIFY_FIELDS.find((name) => name === key);
  if (field !== undefined) return { kind: "field", field };
  const label = /^label\.([A-Za-z0-9_.-]{1,64})$/.exec(key)?.[1];
  return label === undefined ? null : { kind: "label", label };
}
