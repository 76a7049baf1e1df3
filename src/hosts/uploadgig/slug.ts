/** Printable, and without a blank at either end, which HTTP would trim. */
const AS_IS = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * A file name as the value of the `Slug` header [O]: printable ASCII byte for byte, `%` included; of any other name the
 * UTF-8 octets outside 0x20–0x7E, `%` itself and a blank at either end are percent-encoded (RFC 5023 §9.7). Any text
 * gives a safe header.
 */
export function encodeSlug(name: string): string {
  if (AS_IS.test(name)) return name;
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
