/** The largest page the host gives [O]. */
export const PAGE_SIZE = 500;
/** Bytes of one page: an entry has some thirty fields besides those read here [O]. */
export const MAX_PAGE = 8 * 1024 * 1024;

export interface Page<T> {
  readonly entries: readonly T[];
  /** What the host says a page holds, where it says so. */
  readonly limit: number | undefined;
}

/** Every entry of a list, page by page while a page is full; a host that repeats a page does not keep us for ever. */
export async function allPages<T extends { readonly slug: string }>(
  fetchPage: (offset: number) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const entries = new Map<string, T>();
  for (let offset = 0; ; ) {
    const page = await fetchPage(offset);
    const before = entries.size;
    for (const entry of page.entries) if (!entries.has(entry.slug)) entries.set(entry.slug, entry);
    offset += page.entries.length;
    const full = Math.max(1, Math.min(PAGE_SIZE, page.limit ?? PAGE_SIZE));
    if (page.entries.length < full || entries.size === before) return [...entries.values()];
  }
}
