import { fromFileUrl } from "@std/path";
import { withoutCredentials } from "../bytes/text.ts";
import { PspfError } from "../errors.ts";
import { BlobSource } from "./blob_source.ts";
import { borrowSource } from "./borrow_source.ts";
import { BytesSource } from "./bytes_source.ts";
import type { RandomAccessSource } from "./random_access_source.ts";

/**
 * Where bytes come from: the path or `file:` URL of a file, an `http:`,
 * `https:` or `oci:` URL that is read by range, the bytes themselves, a `Blob`,
 * or anything that can be read at an offset.
 */
export type SourceInput =
  | string
  | URL
  | Uint8Array
  | Blob
  | RandomAccessSource;

/** Opens whatever stands for bytes. */
export async function openSource(
  input: SourceInput,
): Promise<RandomAccessSource> {
  if (input instanceof Uint8Array) return new BytesSource(input);
  if (input instanceof Blob) return new BlobSource(input);
  if (typeof input !== "string" && !(input instanceof URL)) {
    return borrowSource(input);
  }
  // Each of these is loaded when somebody needs it, and not before.
  const remote = remoteUrl(input);
  if (remote?.protocol === "oci:") {
    const { openReferenceHere } = await import(
      "../registry/registry_source.ts"
    );
    return await openReferenceHere(remote);
  }
  if (remote !== undefined) {
    const { HttpSource } = await import("./http_source.ts");
    return await HttpSource.open(remote);
  }
  // Loaded at this moment and not before: a browser never does.
  const { openFileSource } = await import("../host/file_source.ts");
  return openFileSource(pathOf(input));
}

/** The URL of something on another machine, or `undefined`. */
export function remoteUrl(location: string | URL): URL | undefined {
  const text = String(location);
  if (!/^(?:https?|oci):\/\//i.test(text)) return undefined;
  const url = URL.parse(text);
  if (url !== null) return url;
  const shown = withoutCredentials(text);
  throw new PspfError(
    "usage/bad-argument",
    `Cannot read "${shown}": it is not a valid address`,
    {
      context: { url: shown },
      hint:
        "Write it like https://HOST:PORT/PATH, or oci://HOST/REPOSITORY:TAG",
    },
  );
}

/** A URL without what may be secret in it: user, password, query. */
export function shownUrl(url: string | URL): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search && "?…"}`;
}

/** A path as it is, an address as {@linkcode shownUrl} has it. */
export function shownLocation(location: string): string {
  const url = remoteUrl(location);
  return url === undefined ? location : shownUrl(url);
}

/** Names the path that a path or URL stands for. */
export function pathOf(location: string | URL): string {
  if (location === "") {
    throw new PspfError("io/not-found", "Cannot open a file without a name");
  }
  if (typeof location === "string") return location;
  if (location.protocol === "file:") return fromFileUrl(location);
  throw new PspfError(
    "usage/bad-argument",
    `Cannot open ${location.href}: only file: URLs are files`,
    { context: { url: location.href } },
  );
}
