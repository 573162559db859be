/** The package as a release publishes it: the listed files, and what only a release knows. */

import {
  cpSync,
  globSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { encodeHex } from "@std/encoding/hex";

import { sha256 } from "../../lib/crypto/sha256.ts";
import { BytesSource } from "../../lib/io/bytes_source.ts";
import {
  inspectHelperSource,
  parseHelperName,
} from "../../lib/launchers/helpers.ts";
import type { KnownLauncher } from "../../lib/launchers/known_launchers.ts";
import { platformName, PLATFORMS } from "../../lib/launchers/platform.ts";
import type { BuiltRelease } from "../../lib/release/built_release.ts";
import { buildPage } from "../build_page.ts";
import config from "../../deno.json" with { type: "json" };

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A launcher that goes into the release. */
export interface ReleaseLauncher {
  readonly name: string;
  readonly target: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly known: KnownLauncher;
}

/** Reads launchers and what they say about themselves. */
export async function readLaunchers(
  paths: readonly string[],
): Promise<readonly ReleaseLauncher[]> {
  return await Array.fromAsync(paths, async (path) => {
    const name = basename(path);
    const bytes = new Uint8Array(readFileSync(path));
    const facts = await inspectHelperSource(new BytesSource(bytes, path));
    const platform = parseHelperName(name)?.platform;
    const target = platform === undefined ? "" : platformName(platform);
    if (facts.platforms.map(platformName).join() !== target) {
      throw new Error(`${path} is no launcher for "${target}"`);
    }
    if (facts.version !== config.version) {
      throw new Error(
        `${path} says that its version is ${facts.version}, the release is ${config.version}`,
      );
    }
    const { digest: sha256, size } = facts;
    const { version } = config;
    return { name, target, bytes, known: { sha256, size, version } };
  });
}

/** Writes the files that JSR gets, in two packages below one workspace. */
export async function stage(
  directory: string,
  launchers: readonly ReleaseLauncher[],
  built: BuiltRelease,
): Promise<void> {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };
  for (const pattern of [...config.publish.include, "scripts/lint_plugin.ts"]) {
    for (const path of globSync(pattern, { cwd: ROOT })) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      cpSync(join(ROOT, path), join(directory, path));
    }
  }
  // A checkout has none, or has one of older sources.
  await buildPage(
    join(directory, "lib/web/page_assets.js"),
    `flavor ${config.version}, ${config.license}`,
  );
  const known = launchers.map(({ target, known }) => [target, known] as const);
  fill(
    directory,
    "lib/launchers/known_launchers.ts",
    "KNOWN_LAUNCHERS: KnownLaunchers",
    Object.fromEntries(known),
  );
  fill(
    directory,
    "lib/release/built_release.ts",
    "BUILT_RELEASE: BuiltRelease",
    built,
  );
  const { version, license } = config;
  // By itself `deno publish` asks for any later launchers, of which this version knows none.
  const imports = {
    ...config.imports,
    "@flavor/launchers": `jsr:@flavor/launchers@${version}`,
  };
  write("deno.json", JSON.stringify({ ...config, imports }, null, 2));
  write(
    "launchers/deno.json",
    JSON.stringify({
      name: "@flavor/launchers",
      version,
      license,
      exports: Object.fromEntries(
        PLATFORMS.map((target) => [`./${target}`, `./${target}.ts`]),
      ),
      publish: { include: ["*.ts", "deno.json", "README.md", "LICENSE"] },
    }),
  );
  cpSync(join(ROOT, "LICENSE"), join(directory, "launchers", "LICENSE"));
  write("launchers/README.md", LAUNCHERS_README);
  for (const target of PLATFORMS) {
    const launcher = launchers.find((one) => one.target === target);
    write(`launchers/${target}.ts`, launcherModule(target, launcher));
  }
}

const LAUNCHERS_README = `# @flavor/launchers

The programs at the front of packages that [@flavor/pspf](https://jsr.io/@flavor/pspf) makes: one module for each platform, loaded
when a package for that platform is made. Each version of \`@flavor/pspf\` knows the SHA-256 of its launchers and takes no other.
`;

/** A release for trials may leave some out. */
function launcherModule(
  target: string,
  launcher: ReleaseLauncher | undefined,
): string {
  const type = "{ size: number; zstd: string } | undefined";
  if (launcher === undefined) {
    return `export const launcher: ${type} = undefined;\n`;
  }
  const { bytes, known: { sha256, size, version } } = launcher;
  const options = { params: { [constants.ZSTD_c_compressionLevel]: 19 } };
  const zstd = new Uint8Array(zstdCompressSync(bytes, options)).toBase64();
  return `/**
 * The launcher for ${target}, version ${
    version ?? "unknown"
  }: ${size} bytes with the SHA-256
 * ${sha256}.
 *
 * @module
 */

/** The launcher: its length in bytes, and its bytes (zstd, then base64). */
export const launcher: ${type} = {
  size: ${size},
  zstd: "${zstd}",
};
`;
}

/** Gives a constant its value, in a file that has it empty. */
function fill(
  directory: string,
  path: string,
  name: string,
  value: unknown,
): void {
  const text = readFileSync(join(directory, path), "utf8");
  const start = text.indexOf(`export const ${name} = {`);
  if (start < 0) throw new Error(`${path} has no constant ${name}`);
  writeFileSync(
    join(directory, path),
    `${text.slice(0, start)}export const ${name} = ${
      JSON.stringify(value, null, 2)
    };\n`,
  );
}

/** The SHA-256 of bytes as text. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  return encodeHex(await sha256(bytes));
}
