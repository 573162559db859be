/** Which bytes of how many, the last one included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** What is to be sent of something, after the conditions of a request. */
export type Selection =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange }
  | { readonly kind: "fresh" }
  | { readonly kind: "stale" }
  | { readonly kind: "outside" };

/** What there is. */
export interface Representation {
  /** With its quotes. */
  readonly etag: string;
  /** Length in bytes. */
  readonly size: number;
  /** As HTTP writes it, where it is known. */
  readonly modified?: string | undefined;
}

/** Applies the conditional headers and the range of a request (RFC 9110, 13 and 14). */
export function select(
  headers: Headers,
  { etag, size, modified }: Representation,
): Selection {
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null && !names(ifMatch, etag)) return { kind: "stale" };
  if (isFresh(headers, etag, modified)) return { kind: "fresh" };
  const ifRange = headers.get("if-range");
  if (ifRange !== null && ifRange !== etag && ifRange !== modified) {
    return { kind: "whole" };
  }
  return parseRange(headers.get("range"), size);
}

/** Whether whoever asks has this already. */
export function isFresh(
  headers: Headers,
  etag: string,
  modified?: string,
): boolean {
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) return names(ifNoneMatch, etag);
  const since = headers.get("if-modified-since");
  return since !== null && modified !== undefined &&
    Date.parse(modified) <= Date.parse(since);
}

/** Whether a list of entity tags holds one; weak ones match, too. */
function names(list: string, etag: string): boolean {
  return list.split(",").some((one) => {
    const tag = one.trim().replace(/^W\//, "");
    return tag === "*" || tag === etag;
  });
}

/** Several ranges at once are answered with everything, which is allowed. */
function parseRange(header: string | null, size: number): Selection {
  const match = /^bytes=([0-9]*)-([0-9]*)$/.exec(header?.trim() ?? "");
  const [, from = "", to = ""] = match ?? [];
  if (from === "" && to === "") return { kind: "whole" };
  const first = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === ""
    ? size - 1
    : Math.min(Number(to), size - 1);
  if (from !== "" && to !== "" && Number(to) < first) return { kind: "whole" };
  if (first > last) return { kind: "outside" };
  return { kind: "part", range: { first, last } };
}
