import { fromFileUrl } from "@std/path";
import { PspfError } from "../errors.ts";
import { BlobSource } from "./blob_source.ts";
import { borrowSource } from "./borrow_source.ts";
import { BytesSource } from "./bytes_source.ts";
import type { RandomAccessSource } from "./random_access_source.ts";

/**
 * Where bytes come from: the path or `file:` URL of a file, the bytes
 * themselves, a `Blob`, or anything that can be read at an offset.
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
  // Loaded at this moment and not before: a browser never does.
  const { openFileSource } = await import("../host/file_source.ts");
  return openFileSource(pathOf(input));
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
