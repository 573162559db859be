/**
 * Makes a release, or checks one:
 *
 *     scripts/dev release [--output DIR] [--target NAME]... [--private-key FILE | --key-seed TEXT]
 *                         [--releases URL] [--runtime NAME=FILE]... [--compile]
 *     scripts/dev release --check DIR [--trusted-key KEY]
 *     scripts/dev release --stage DIR
 *
 * The same commit, key and tools give the same bytes. `--target` leaves the
 * others out, for trials; `--runtime` takes a Deno that is there; `--compile`
 * adds executables made by `deno compile`, which needs Deno's `denort`.
 * `--stage` only writes what JSR gets: `deno publish` in DIR/launchers, then in DIR.
 */

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { parseArgs } from "node:util";
import { encodeHex } from "@std/encoding/hex";

import { type KeyPair, keyPairFromSeed, sign } from "../lib/crypto/ed25519.ts";
import { encodePublicKeyPem, parseKeyPair } from "../lib/crypto/key_file.ts";
import { keyFingerprint } from "../lib/crypto/sha256.ts";
import { createDenoHost } from "../lib/host/deno_host.ts";
import { parsePlatform, PLATFORMS } from "../lib/launchers/platform.ts";
import { BUILT_RELEASE } from "../lib/release/built_release.ts";
import {
  RELEASE_FACTS,
  SUMS,
  SUMS_SIGNATURE,
} from "../lib/release/signed_release.ts";
import { prepareDeno } from "../lib/runtimes/node.ts";
import { makeWorkDirectory } from "../lib/runtimes/tools.ts";
import { compile, packSelf, writeProgram } from "./release/binaries.ts";
import { bundle } from "./release/bundle.ts";
import { checkRelease } from "./release/check_release.ts";
import { installer, notes, sbom } from "./release/documents.ts";
import { runChecked } from "./release/run_checked.ts";
import {
  digestOf,
  readLaunchers,
  type ReleaseLauncher,
  ROOT,
  stage,
} from "./release/staging.ts";
import config from "../deno.json" with { type: "json" };

/** Deno's names of the platforms that it compiles for. */
const TRIPLES: Readonly<Record<string, string>> = {
  linux_amd64: "x86_64-unknown-linux-gnu",
  linux_arm64: "aarch64-unknown-linux-gnu",
  darwin_amd64: "x86_64-apple-darwin",
  darwin_arm64: "aarch64-apple-darwin",
  windows_amd64: "x86_64-pc-windows-msvc",
  windows_arm64: "aarch64-pc-windows-msvc",
};

const DENO_VERSION = /^DENO_VERSION=(.+)$/m.exec(
  readFileSync(join(ROOT, "scripts/dev"), "utf8"),
)?.[1] ?? "";

function say(text: string): void {
  console.error(`release: ${text}`);
}

/** The Deno of a platform, from the npm registry. */
async function fetchDeno(target: string): Promise<string> {
  const host = createDenoHost();
  const work = await makeWorkDirectory(host);
  try {
    const { program } = await prepareDeno({
      runtime: `deno@${DENO_VERSION}`,
      range: undefined,
      target: parsePlatform(target),
      path: ROOT,
      work,
      say,
    }, host);
    return program;
  } finally {
    await host.writer.remove(work);
  }
}

/** Builds what is stale, and gives the launchers of these targets. */
async function buildLaunchers(
  targets: readonly string[],
): Promise<readonly ReleaseLauncher[]> {
  await runChecked(join(ROOT, "scripts/build_launcher"), [
    "--if-stale",
    ...targets,
  ]);
  return await readLaunchers(
    targets.map((target) =>
      join(ROOT, "dist/bin", `flavor-rs-launcher-${target}${suffix(target)}`)
    ),
  );
}

/** The same for native builders; gives the names of their files. */
async function buildBuilders(
  targets: readonly string[],
): Promise<readonly string[]> {
  await runChecked(join(ROOT, "scripts/build_launcher"), [
    "--builder",
    "--if-stale",
    ...targets,
  ]);
  return targets.map((target) =>
    `flavor-rs-builder-${target}${suffix(target)}`
  );
}

function suffix(target: string): string {
  return target.startsWith("windows") ? ".exe" : "";
}

/** The commit, where nothing was changed since. */
async function findCommit(): Promise<string | undefined> {
  const git = (...args: string[]): Promise<string> =>
    runChecked("git", args, { cwd: ROOT });
  try {
    if ((await git("status", "--porcelain")).trim() !== "") {
      say(
        "there are changes that are not committed: the release names no commit",
      );
      return undefined;
    }
    return (await git("rev-parse", "HEAD")).trim();
  } catch {
    return undefined;
  }
}

async function findKey(
  file: string | undefined,
  seed: string | undefined,
): Promise<KeyPair> {
  if (file !== undefined) {
    return await parseKeyPair(new Uint8Array(readFileSync(file)));
  }
  if (seed !== undefined) return await keyPairFromSeed(seed);
  say("no key was given: signed with one that everybody can make, for trials");
  return await keyPairFromSeed("a trial release of flavor");
}

/** Names and contents of everything but the sums. */
function listFiles(directory: string): Map<string, Uint8Array> {
  return new Map(
    readdirSync(directory).filter((name) =>
      name !== SUMS && name !== SUMS_SIGNATURE
    ).sort()
      .map((
        name,
      ) => [name, new Uint8Array(readFileSync(join(directory, name)))]),
  );
}

interface ReleaseOptions {
  readonly output: string;
  readonly targets: readonly string[];
  readonly keyPair: KeyPair;
  readonly releases: string;
  readonly runtimes: ReadonlyMap<string, string>;
  readonly compile: boolean;
}

async function release(options: ReleaseOptions, work: string): Promise<void> {
  const { targets, keyPair, releases, runtimes } = options;
  const out = join(work, "out");
  const staging = join(work, "staging");
  mkdirSync(out);
  const put = (
    name: string,
    content: string | Uint8Array,
    mode = 0o644,
  ): void => {
    writeFileSync(join(out, name), content);
    chmodSync(join(out, name), mode);
  };

  say(`launchers for ${targets.join(", ")}`);
  const launchers = await buildLaunchers(targets);
  const commit = await findCommit();
  await stage(staging, launchers, {
    releases,
    commit,
    publicKey: encodeHex(keyPair.publicKey),
  });
  say("flavor.js");
  const text = await bundle(staging, PLATFORMS.length);
  put("flavor.js", text);
  for (const { name, bytes } of launchers) put(name, bytes, 0o755);
  say("native builders");
  for (const name of await buildBuilders(targets)) {
    put(name, readFileSync(join(ROOT, "dist/bin", name)), 0o755);
  }

  writeProgram(join(work, "program"), text, launchers);
  const programs = new Map<string, string>();
  const finish = async (name: string): Promise<void> => {
    programs.set(name, await digestOf(readFileSync(join(out, name))));
  };
  for (const launcher of launchers) {
    const { target } = launcher;
    const name = `flavor-${target}${suffix(target)}`;
    say(name);
    const runtime = runtimes.get(target) ?? await fetchDeno(target);
    await packSelf(work, target, runtime, launcher, keyPair, join(out, name));
    await finish(name);
    if (!options.compile) continue;
    const compiled = `flavor-compiled-${target}${suffix(target)}`;
    say(compiled);
    await compile(work, TRIPLES[target] ?? "", join(out, compiled));
    await finish(compiled);
  }

  const { publicKey } = keyPair;
  put(
    "install.sh",
    installer("install.sh", releases, publicKey, programs),
    0o755,
  );
  put("install.ps1", installer("install.ps1", releases, publicKey, programs));
  put("flavor-release.pem", encodePublicKeyPem(publicKey));
  put("sbom.cdx.json", sbom(DENO_VERSION));
  put(
    RELEASE_FACTS,
    JSON.stringify(
      {
        version: config.version,
        commit: commit ?? null,
        public_key: encodeHex(publicKey),
      },
      null,
      2,
    ) + "\n",
  );
  const facts = new Map(
    await Array.fromAsync(
      listFiles(out),
      async ([name, bytes]) =>
        [name, { size: bytes.length, digest: await digestOf(bytes) }] as const,
    ),
  );
  put("NOTES.md", notes(facts, releases, await keyFingerprint(publicKey)));
  const lines = await Array.fromAsync(
    listFiles(out),
    async ([name, bytes]) => `${await digestOf(bytes)}  ${name}\n`,
  );
  const sums = new TextEncoder().encode(lines.join(""));
  put(SUMS, sums);
  put(SUMS_SIGNATURE, await sign(keyPair, sums));

  await checkRelease(out, encodeHex(publicKey));
  rmSync(options.output, { recursive: true, force: true });
  renameSync(out, options.output);
  say(
    `made ${options.output}: ${facts.size + 3} files, commit ${
      commit ?? "unknown"
    }`,
  );
}

async function main(words: readonly string[]): Promise<void> {
  const text = { type: "string" } as const;
  const list = { type: "string", multiple: true } as const;
  const { values: args } = parseArgs({
    args: [...words],
    // deno-fmt-ignore
    options: {
      "output": text, "target": list, "private-key": text, "key-seed": text,
      "runtime": list, "compile": { type: "boolean", default: false }, "check": text, "trusted-key": text, "stage": text, "releases": { ...text, default: BUILT_RELEASE.releases },
    },
  });
  if (args.check !== undefined) {
    return await checkRelease(args.check, args["trusted-key"]);
  }
  const { target: targets = PLATFORMS, runtime: given = [], releases } = args;
  const keyPair = await findKey(
    args["private-key"] ?? Deno.env.get("FLAVOR_RELEASE_KEY"),
    args["key-seed"],
  );
  if (args.stage !== undefined) {
    const launchers = await buildLaunchers(targets);
    const built = {
      releases,
      commit: await findCommit(),
      publicKey: encodeHex(keyPair.publicKey),
    };
    return await stage(resolve(args.stage), launchers, built);
  }
  const output = resolve(args.output ?? join(ROOT, "dist/release"));
  mkdirSync(dirname(output), { recursive: true });
  // Beside the result, for a rename; the staging directory elsewhere would reach no file.
  const work = mkdtempSync(join(dirname(output), `.${basename(output)}-`));
  try {
    await release({
      output,
      targets,
      keyPair,
      releases,
      runtimes: new Map(given.map((word) => {
        const [target = "", file = ""] = word.split("=", 2);
        return [target, resolve(file)];
      })),
      compile: args.compile,
    }, work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

try {
  await main(Deno.args);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  Deno.exitCode = 1;
}
