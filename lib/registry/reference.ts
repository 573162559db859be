import { PspfError } from "../errors.ts";

/** Where a package is in a registry. */
export interface Reference {
  /** Host, with a port where it has one. */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest (`sha256:` and 64 hex digits). */
  readonly version: string;
}

const SCHEME_REGEXP = /^oci:\/\//i;
const HOST =
  /(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?/;
const NAME = /[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/;
const REFERENCE_REGEXP = new RegExp(
  `^(${HOST.source})/(${NAME.source}(?:/${NAME.source})*)` +
    "(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$",
);

/** Whether a location is one in a registry. */
export function isReference(location: string | URL): boolean {
  return SCHEME_REGEXP.test(String(location));
}

/**
 * Reads `HOST/REPOSITORY[:TAG][@DIGEST]`, with or without `oci://`. A digest
 * wins over a tag; without either the tag is `latest`.
 */
export function parseReference(location: string | URL): Reference {
  const text = String(location).replace(SCHEME_REGEXP, "");
  const [, registry, repository, tag, digest] = REFERENCE_REGEXP.exec(text) ??
    [];
  // A word without a dot is a directory of somebody's favourite registry.
  const isHost = registry !== undefined &&
    (/[.:]/.test(registry) || registry === "localhost");
  if (isHost && repository !== undefined && repository.length <= 255) {
    return { registry, repository, version: digest ?? tag ?? "latest" };
  }
  // What looks like user and password is not repeated.
  const shown = String(location).replace(/(^|:\/\/)[^/]*@/, "$1");
  throw new PspfError(
    "usage/bad-argument",
    `Cannot read "${shown}": it is not a reference to a registry`,
    {
      context: { reference: shown },
      hint:
        "Write HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:DIGEST, with a host such as localhost:5000",
    },
  );
}

/** A repository that is named alone, or with its registry. */
export function parseRepository(text: string, registry: string): string {
  const own = text.replace(SCHEME_REGEXP, "").replace(`${registry}/`, "");
  return parseReference(`${registry}/${own}`).repository;
}

/** The reference as one would write it. */
export function formatReference(
  { registry, repository }: Reference,
  version: string,
): string {
  const separator = version.startsWith("sha256:") ? "@" : ":";
  return `oci://${registry}/${repository}${separator}${version}`;
}

/** Whether a registry runs on this machine, where nobody can listen in. */
export function isLoopback(registry: string): boolean {
  const host = registry.replace(/:\d+$/, "");
  return host === "localhost" || host === "[::1]" ||
    /^127(?:\.\d{1,3}){3}$/.test(host);
}
