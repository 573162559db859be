/**
 * Generates a local stand-in for the parts of JSR that this project imports,
 * for networks that reach the npm registry but not JSR.
 *
 *     generate.ts ROOT STD HONO TARGET
 *
 * ROOT is the checkout, STD the npm package `deno-std` (the standard library
 * compiled to JavaScript) or a checkout of the standard library's repository,
 * HONO the npm package `hono`, TARGET the folder to make.
 *
 * From npm, each package gets the lowest version that deno.json accepts, and
 * exports just the modules for which `types/` has a declaration or
 * `stand_ins/` an implementation, so everything importable is typed. From a
 * checkout, the packages are what JSR would serve, with their own versions.
 *
 * Runs before any `jsr:` import can work, hence node: built-ins only.
 */

import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { makeHono } from "./hono_mirror.ts";
import {
  exportName,
  listFiles,
  type MirrorPackage,
  writePackage,
} from "./mirror_package.ts";
import { StdMirror } from "./std_mirror.ts";
import { makeStdFromSource } from "./std_source.ts";

/** Package name to the lowest version that its `jsr:` range accepts. */
function readVersions(root: string): Map<string, string> {
  const { imports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  const versions = new Map<string, string>();
  for (const specifier of Object.values<string>(imports)) {
    const match = /^jsr:(@[^/]+\/[^@/]+)@\^(\d+\.\d+\.\d+)$/.exec(specifier);
    const [, name, version] = match ?? [];
    if (name === undefined || version === undefined) {
      throw new Error(
        `deno.json: "${specifier}" is not of the form jsr:@scope/name@^1.2.3`,
      );
    }
    versions.set(name, version);
  }
  return versions;
}

/** Mirrors of earlier states, and halves that a killed run has left. */
function removeOldMirrors(folder: string): void {
  if (!existsSync(folder)) return;
  const yesterday = Date.now() - 24 * 60 * 60 * 1000;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    // A younger one may be in use.
    if (statSync(path).mtimeMs < yesterday) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

/** Package, path in it and text of our own files for packages in use. */
function listModules(
  folder: string,
  versions: ReadonlyMap<string, string>,
): (readonly [name: string, path: string, text: string])[] {
  return listFiles(folder).flatMap((file) => {
    const [name = "", ...rest] = file.split("/");
    if (!versions.has(`@std/${name}`)) return [];
    return [
      [name, rest.join("/"), readFileSync(join(folder, file), "utf8")] as const,
    ];
  });
}

function makeStdFromNpm(
  here: string,
  std: string,
  versions: ReadonlyMap<string, string>,
): ReadonlyMap<string, MirrorPackage> {
  const mirror = new StdMirror(std, versions);
  const typed = listModules(join(here, "types"), versions);
  for (const [name, path, text] of typed) mirror.addTyped(name, path, text);
  for (const [name, path] of typed) {
    if (basename(path) === "mod.d.ts") mirror.addPartsOf(name, path);
  }
  for (
    const [name, path, text] of listModules(join(here, "stand_ins"), versions)
  ) {
    const made = mirror.package(name);
    made.files.set(path, text);
    made.exports[exportName(path)] = `./${path}`;
  }
  return mirror.packages;
}

function generate(
  root: string,
  std: string,
  hono: string,
  target: string,
): void {
  const versions = readVersions(root);
  const packages = existsSync(join(std, "deno.json"))
    ? makeStdFromSource(std, versions)
    : makeStdFromNpm(join(root, "scripts", "mirror"), std, versions);
  removeOldMirrors(dirname(target));
  // Made aside and renamed, so that a mirror is there whole or not at all.
  const work = `${target}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  for (const [name, made] of packages) {
    writePackage(work, `@std/${name}`, made);
  }
  const honoVersion = versions.get("@hono/hono");
  if (honoVersion !== undefined) {
    writePackage(work, "@hono/hono", makeHono(hono, honoVersion));
  }
  try {
    renameSync(work, target);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    // Another first run may have been faster, and made the same mirror.
    if (!existsSync(target)) throw error;
  }
}

const [root, std, hono, target] = process.argv.slice(2);
if (
  root === undefined || std === undefined || hono === undefined ||
  target === undefined
) {
  console.error("usage: generate.ts ROOT STD HONO TARGET");
  process.exit(2);
}
generate(root, std, hono, target);
