/**
 * A file name as the value of the `Slug` header, RFC 5023 §9.7 [O]: the UTF-8 octets outside 0x20–0x7E and `%` itself
 * are percent-encoded, and so is a blank at either end, which HTTP would trim. Any text gives a safe header.
 */
export function encodeSlug(name: string): string {
  const bytes = new TextEncoder().encode(name);
  let slug = "";
  for (const [index, byte] of bytes.entries()) {
    const edge = index === 0 || index === bytes.length - 1;
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25;
    slug += plain || (byte === 0x20 && !edge) ? String.fromCharCode(byte) : percent(byte);
  }
  return slug;
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
