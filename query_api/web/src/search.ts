/** The query string as plain strings; the router's own JSON parsing turns span ids into numbers. */

export type Search = Record<string, string>;

/** `?span=5e10000000000000` stays the text `5e10000000000000`. */
export function parseSearch(query: string): Search {
  return Object.fromEntries(new URLSearchParams(query));
}

/** The inverse of parseSearch; what is undefined, null or empty is left out. */
export function stringifySearch(search: Record<string, unknown>): string {
  const kept = Object.entries(search).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const query = new URLSearchParams(kept.map(([key, value]) => [key, String(value)])).toString();
  return query ? `?${query}` : "";
}

/** A route's validateSearch that keeps the named keys and drops every other. */
export function keepKeys<const Key extends string>(...keys: Key[]) {
  return (search: Record<string, unknown>): Partial<Record<Key, string>> =>
    Object.fromEntries(
      keys.filter((key) => search[key]).map((key) => [key, String(search[key])]),
    ) as Partial<Record<Key, string>>;
}
