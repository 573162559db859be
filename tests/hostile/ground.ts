/**
 * The place where hostile packages are read, and the proof that nothing left it.
 *
 * ```text
 * <root>/outside/     what packages try to reach; never changes
 * <root>/case/pkg     the package
 * <root>/case/cache/  what the launcher may write
 * <root>/case/out/    what the TypeScript reader may write
 * ```
 *
 * @module
 */

import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { sha256 } from "./signing_key.ts";

/** Names that packages with absolute paths try to create. */
const FIXED_TARGETS: readonly string[] = [
  "/tmp/flavor-hostile",
  "/tmp/x",
  "/x",
];

/** A package's name, without anything that a path could mean, and the beginning of its key's fingerprint. */
const APPLICATION = /^(?:[\w%][\w.%-]{0,65})?-[0-9a-f]{8}$/;

/** The directories of one run. */
export class TestGround implements Disposable {
  readonly root: string;
  readonly outside: string;
  readonly file: string;
  readonly cache: string;
  readonly out: string;
  readonly #case: string;
  readonly #before: string;
  /** Those of the fixed targets that this machine did not have already. */
  readonly #absent = FIXED_TARGETS.filter((path) => !exists(path));

  constructor() {
    this.root = Deno.makeTempDirSync({ prefix: "flavor-hostile-" });
    this.outside = join(this.root, "outside");
    this.#case = join(this.root, "case");
    this.file = join(this.#case, "pkg");
    this.cache = join(this.#case, "cache");
    this.out = join(this.#case, "out");
    this.#before = this.#layOut();
  }

  /** What packages try to reach; made again after one of them reached it. */
  #layOut(): string {
    removeAll(this.outside);
    Deno.mkdirSync(join(this.outside, "directory"), { recursive: true });
    Deno.writeTextFileSync(join(this.outside, "keep"), "untouched\n");
    Deno.writeTextFileSync(
      join(this.outside, "directory", "deep"),
      "untouched\n",
    );
    Deno.chmodSync(join(this.outside, "keep"), 0o640);
    return this.#digest();
  }

  /** Makes an empty place with one package in it. */
  prepare(file: Uint8Array): void {
    removeAll(this.#case);
    Deno.mkdirSync(this.out, { recursive: true });
    Deno.mkdirSync(this.cache, { mode: 0o700 });
    Deno.writeFileSync(this.file, file, { mode: 0o700 });
  }

  /** Another empty directory for content. */
  fresh(): string {
    removeAll(this.out);
    Deno.mkdirSync(this.out);
    return this.out;
  }

  /** What the last package did where it may not; empty when all is well. */
  findDamage(): readonly string[] {
    const damage: string[] = [];
    if (this.#digest() !== this.#before) {
      damage.push(`changed: ${describe(this.outside)}`);
      this.#layOut();
    }
    damage.push(...unexpected(this.root, ["outside", "case"]));
    damage.push(...unexpected(this.#case, ["pkg", "cache", "out"]));
    damage.push(
      ...unexpected(this.cache, ["CACHEDIR.TAG", "apps", "workenv", "locks"]),
    );
    damage.push(...unexpected(join(this.cache, "apps"), [APPLICATION]));
    for (const { name } of list(join(this.cache, "apps"))) {
      damage.push(
        ...unexpected(join(this.cache, "apps", name), [
          "lock",
          "versions.json",
        ]),
      );
    }
    damage.push(
      ...unexpected(join(this.cache, "workenv"), [
        /^\.?[0-9a-f]{32}(?:\.pspf)?$/,
      ]),
    );
    damage.push(
      ...this.#absent.filter(exists).map((path) => `appeared: ${path}`),
    );
    damage.push(
      ...findPrivileged(this.#case).map((path) => `set-id or device: ${path}`),
    );
    return damage;
  }

  /** Whether anything of a package was extracted. */
  get hasContent(): boolean {
    return [this.out, join(this.cache, "workenv")].some((path) =>
      list(path).length > 0
    );
  }

  /** Removes everything. */
  [Symbol.dispose](): void {
    removeAll(this.root);
  }

  #digest(): string {
    return encodeHex(sha256(new TextEncoder().encode(describe(this.outside))));
  }
}

/** Removes a tree, read-only directories included. */
function removeAll(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    for (
      const directory of walk(path).filter(({ isDirectory }) => isDirectory)
    ) {
      Deno.chmodSync(directory.path, 0o700);
    }
    Deno.removeSync(path, { recursive: true });
  }
}

interface Found {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Every entry below a directory, parents first; links are not followed. */
function walk(root: string): Found[] {
  return list(root).flatMap(({ name, isDirectory }) => {
    const path = join(root, name);
    return [{ path, isDirectory }, ...(isDirectory ? walk(path) : [])];
  });
}

function list(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1);
  } catch {
    return [];
  }
}

/** Names, modes, kinds and contents, as one text. */
function describe(root: string): string {
  return [root, ...walk(root).map(({ path }) => path)].map((path) => {
    const { mode, nlink, isFile, isSymlink } = Deno.lstatSync(path);
    const content = isFile
      ? Deno.readTextFileSync(path)
      : isSymlink
      ? Deno.readLinkSync(path)
      : "";
    return `${path} ${mode?.toString(8)} ${isFile ? nlink : ""} ${
      JSON.stringify(content)
    }`;
  }).join("\n");
}

function unexpected(
  path: string,
  known: readonly (string | RegExp)[],
): string[] {
  const isKnown = (name: string): boolean =>
    known.some((one) =>
      typeof one === "string" ? one === name : one.test(name)
    );
  return list(path).filter(({ name }) => !isKnown(name)).map(({ name }) =>
    `appeared: ${join(path, name)}`
  );
}

function findPrivileged(root: string): string[] {
  // A name that is not UTF-8 cannot be looked at from here.
  return walk(root).map(({ path }) => path).filter(exists).filter((path) => {
    const { mode, isFile, isDirectory, isSymlink } = Deno.lstatSync(path);
    return ((mode ?? 0) & 0o6000) !== 0 ||
      !(isFile || isDirectory || isSymlink);
  });
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
