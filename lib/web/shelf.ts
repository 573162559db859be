import { basename, dirname, join } from "@std/path";
import { PspfError } from "../errors.ts";
import { loadHost } from "../host/load_host.ts";
import type { FileReader, Host } from "../host/types.ts";
import { borrowSource } from "../io/borrow_source.ts";
import { BlobSource } from "../io/blob_source.ts";
import { BytesSource } from "../io/bytes_source.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";

/** A file that may be a package, as it is at one moment. */
export interface ShelvedFile {
  /** What it is called; one word of a URL, whatever is in it. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /** Last change, in milliseconds since 1970, where that is known. */
  readonly modifiedMs?: number | undefined;
  /** Another text after each change of the file. */
  readonly identity: string;
  /**
   * Opens it.
   *
   * @returns A source for whoever asked; they dispose it.
   * @throws {PspfError} `io/not-found` when it has gone or changed since.
   */
  open(): Promise<RandomAccessSource>;
}

/** Where the service has its packages from. Everything is only ever read. */
export interface PackageShelf {
  /**
   * Looks what there is now.
   *
   * @returns The files, by name.
   */
  list(): Promise<readonly ShelvedFile[]>;
  /**
   * Looks for one.
   *
   * @param name As listed.
   * @returns The file, or nothing.
   */
  find(name: string): Promise<ShelvedFile | undefined>;
}

/** Packages that are at hand, by name. */
export type PackagesByName = Readonly<
  Record<string, Uint8Array | Blob | RandomAccessSource>
>;

/** A shelf of packages that do not change. */
export function fixedShelf(packages: PackagesByName): PackageShelf {
  const files = new Map(
    Object.entries(packages).map(([name, content]) => {
      const open = (): RandomAccessSource =>
        content instanceof Uint8Array
          ? new BytesSource(content, name)
          : content instanceof Blob
          ? new BlobSource(content, name)
          : borrowSource(content);
      return [name, {
        name,
        size: open().size,
        identity: name,
        open: () => Promise.resolve(open()),
      }];
    }),
  );
  return {
    list: () => Promise.resolve(sorted(files.values())),
    find: (name) => Promise.resolve(files.get(name)),
  };
}

/**
 * Opens a shelf of files and of directories: what is in a directory is looked
 * up each time, so packages appear and vanish with their files. Hidden files,
 * subdirectories and links that lead out of their directory are left out.
 *
 * @param paths Files and directories.
 * @param options Which machine to read them on; the one that the program runs on
 * by default.
 * @returns The shelf.
 * @throws {PspfError} `io/not-found`, `io/failed`
 */
export async function openShelf(
  paths: readonly string[],
  options: { readonly host?: Pick<Host, "reader" | "within"> | undefined } = {},
): Promise<PackageShelf> {
  const host = options.host ?? await loadHost();
  const places = await Array.fromAsync(paths, async (path): Promise<Place> => {
    const facts = await host.reader.facts(path);
    const absolute = host.reader.absolute(path);
    if (facts?.kind === "directory") return placeOf(host, absolute, undefined);
    if (facts?.kind === "file") {
      return placeOf(host, dirname(absolute), basename(absolute));
    }
    throw new PspfError(
      facts === undefined ? "io/not-found" : "io/failed",
      `Cannot serve ${JSON.stringify(path)}: ${
        facts === undefined
          ? "there is no such file or directory"
          : "it is neither a file nor a directory"
      }`,
      {
        context: { path },
        hint: "Give packages, or directories that hold them",
      },
    );
  });
  return new FileShelf(places);
}

/** A directory, all of it or one file in it. */
interface Place {
  readonly root: string;
  /** Looks at files by their names in the directory, and calls them so in messages. */
  readonly reader: FileReader;
  readonly only: string | undefined;
}

function placeOf(
  host: Pick<Host, "within">,
  root: string,
  only: string | undefined,
): Place {
  return { root, reader: host.within(root).reader, only };
}

class FileShelf implements PackageShelf {
  readonly #places: readonly Place[];
  /** Where the files of the last list are. */
  #found: ReadonlyMap<string, readonly [Place, string]> = new Map();

  constructor(places: readonly Place[]) {
    this.#places = places;
  }

  async list(): Promise<readonly ShelvedFile[]> {
    const found = new Map<string, readonly [Place, string]>();
    const files: ShelvedFile[] = [];
    for (const place of this.#places) {
      const names = place.only === undefined
        ? await place.reader.list(".")
        : [place.only];
      for (const file of names) {
        if (place.only === undefined && file.startsWith(".")) continue;
        const name = freeName(found, place, file);
        const shelved = await look(place, file, name);
        if (shelved === undefined) continue;
        found.set(name, [place, file]);
        files.push(shelved);
      }
    }
    this.#found = found;
    return sorted(files);
  }

  async find(name: string): Promise<ShelvedFile | undefined> {
    if (!this.#found.has(name)) await this.list();
    const at = this.#found.get(name);
    return at && await look(...at, name);
  }
}

/** Two files of one name in two places: the second is told by its directory. */
function freeName(
  taken: ReadonlyMap<string, unknown>,
  { root }: Place,
  file: string,
): string {
  if (!taken.has(file)) return file;
  const longer = `${basename(root)}-${file}`;
  for (let count = 2;; count++) {
    const name = count === 2 ? longer : `${count}-${longer}`;
    if (!taken.has(name)) return name;
  }
}

async function look(
  { root, reader, only }: Place,
  file: string,
  name: string,
): Promise<ShelvedFile | undefined> {
  let facts = await reader.linkFacts(file);
  if (facts?.kind === "symlink") {
    // Whoever names a file means it; what lies in a directory may be anybody's.
    if (only === undefined && !await staysInside(reader, file)) {
      return undefined;
    }
    facts = await reader.facts(file);
  }
  if (facts?.kind !== "file") return undefined;
  const { size, modifiedMs, identity } = facts;
  return {
    name,
    size,
    modifiedMs,
    identity: `${root}-${identity}`,
    async open(): Promise<RandomAccessSource> {
      const source = await reader.openSource(file);
      // What was found out about the file has to be about the one that is open.
      if (source.identity === identity) return source;
      await source[Symbol.asyncDispose]();
      throw new PspfError(
        "io/not-found",
        `Cannot open ${JSON.stringify(name)}: it changed at this moment`,
        { context: { package: name }, hint: "Try again" },
      );
    },
  };
}

async function staysInside(reader: FileReader, link: string): Promise<boolean> {
  if (await reader.facts(link) === undefined) return false;
  const home = await reader.realPath(".");
  return (await reader.realPath(link)).startsWith(join(home, "/"));
}

function sorted(files: Iterable<ShelvedFile>): readonly ShelvedFile[] {
  return [...files].sort((a, b) => a.name < b.name ? -1 : 1);
}
