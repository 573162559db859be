import { PspfError } from "../errors.ts";

/**
 * A directory that slots are extracted into. The implementation contains every
 * path: it refuses to write or change modes through a symbolic link and never
 * leaves its root, whatever it is told.
 *
 * Later members win over earlier ones of the same name, but nothing takes the
 * place of a directory. Paths are relative, `/`-separated and already checked
 * by the path policy of `lib/archive`; the target checks them again.
 */
export interface ExtractTarget {
  /** What to call the root in messages. */
  readonly name: string;
  /**
   * Creates a directory and its parents; an existing directory is fine.
   *
   * @param path Below the root.
   * @param mode Permission bits, at most 0o777; applied after its content.
   * @throws {PspfError} `archive/unsafe-path`, `io/*`
   */
  directory(path: string, mode: number): Promise<void>;
  /**
   * Writes a file from a stream, creating parents.
   *
   * @param path Below the root.
   * @param mode Permission bits, at most 0o777.
   * @param size Exact length in bytes when it is known.
   * @param content The bytes; consumed to the end or cancelled.
   * @throws {PspfError} `archive/unsafe-path`, `archive/bad-entry` where a
   * directory is, `archive/truncated` for another length, `io/*`
   */
  file(
    path: string,
    mode: number,
    size: number | undefined,
    content: ReadableStream<Uint8Array>,
  ): Promise<void>;
  /**
   * Creates a symbolic link; nothing is ever written through it.
   *
   * @param path Below the root.
   * @param target Where the link points, stored as given.
   * @throws {PspfError} `archive/unsafe-path`, `archive/bad-entry`, `io/*`
   */
  symlink(path: string, target: string): Promise<void>;
  /**
   * Gives a file that was extracted earlier another name.
   *
   * @param path Below the root.
   * @param existing Below the root.
   * @throws {PspfError} `archive/unsafe-path` where that is not such a file,
   * `archive/bad-entry`, `io/*`
   */
  hardLink(path: string, existing: string): Promise<void>;
  /**
   * Applies what has to wait for the end: the modes of directories. More may
   * be extracted afterwards.
   *
   * @throws {PspfError} `io/*`
   */
  finish(): Promise<void>;
}

/** Mode of a directory that no member names. */
export const IMPLICIT_MODE = 0o755;

/** Set-id and sticky bits are never extracted. */
export const PERMISSION_BITS = 0o777;

/** The archive layer has checked already; a mistake there must not matter. */
export function checkMemberPath(path: string, root: string): void {
  const isSafe = !path.includes("\0") &&
    path.split("/").every((name) => !["", ".", ".."].includes(name));
  if (!isSafe) throw unsafeMember(path, root, "leaves the directory");
}

/** The directories on the way to a path, the outermost first. */
export function* parentsOf(path: string): Iterable<string> {
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
    yield path.slice(0, at);
  }
}

export function unsafeMember(
  path: string,
  root: string,
  says: string,
): PspfError {
  return new PspfError(
    "archive/unsafe-path",
    `Cannot extract through ${JSON.stringify(path)}: it ${says}`,
    { context: { path, root } },
  );
}

export function directoryInPlace(path: string, root: string): PspfError {
  return new PspfError(
    "archive/bad-entry",
    `Cannot extract ${JSON.stringify(path)}: a directory is in its place`,
    { context: { path, root } },
  );
}

export function wrongSize(
  path: string,
  expected: number,
  actual: number,
): PspfError {
  return new PspfError(
    "archive/truncated",
    `Cannot extract ${
      JSON.stringify(path)
    }: it has ${actual} bytes, expected ${expected}`,
    { context: { path, expected, actual } },
  );
}
