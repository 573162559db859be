/// <reference lib="dom" />
import { isPspfError } from "../../errors.ts";
import { BlobSource } from "../../io/blob_source.ts";
import { HttpSource } from "../../io/http_source.ts";
import type { RandomAccessSource } from "../../io/random_access_source.ts";
import type { ListedPackage } from "../library.ts";

/** A package that is being looked at. */
export interface Opened {
  readonly name: string;
  readonly source: RandomAccessSource;
  /** Whether it is a file of this machine, which no server knows. */
  readonly isLocal: boolean;
}

/** What the server says it has. */
export interface Catalog {
  readonly packages: readonly ListedPackage[];
  readonly trusted_keys: readonly string[] | null;
}

let catalog: Promise<Catalog> | undefined;

/** Asks for the list, once. */
export function readCatalog(): Promise<Catalog> {
  return catalog ??= fetchCatalog();
}

async function fetchCatalog(): Promise<Catalog> {
  const response = await fetch("api/packages.json");
  if (response.ok) return await response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(
    problem.detail ?? `The server answers ${response.status} to the list`,
  );
}

/** Where a package itself is to be had. */
export function packagePath(name: string): string {
  return `packages/${encodeURIComponent(name)}`;
}

/** The address of the page about a package. */
export function packageLink(name: string): string {
  return `./?${new URLSearchParams({ package: name })}`;
}

/** The address of a comparison. */
export function diffLink(before: string, after: string): string {
  return `./?${new URLSearchParams({ before, after })}`;
}

/**
 * Opens a package of the server by its end. A server that knows no ranges sends
 * all of it.
 */
export async function openListed(name: string): Promise<Opened> {
  const url = new URL(packagePath(name), document.baseURI);
  try {
    const source = await HttpSource.open(url, { name, fetch: fetchAnew });
    return { name, source, isLocal: false };
  } catch (error) {
    if (!isPspfError(error, "io/failed")) throw error;
    const response = await fetchAnew(url.href);
    if (!response.ok) throw error;
    const source = new BlobSource(await response.blob(), name);
    return { name, source, isLocal: false };
  }
}

/** What a browser has kept may be of another version of the file. */
function fetchAnew(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, cache: "no-store" });
}
