import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

import { parsePlatform } from "../../../lib/launchers/platform.ts";
import { preparePython } from "../../../lib/runtimes/python.ts";
import { findUv } from "../../../lib/runtimes/uv.ts";
import { capturedHost } from "../../support/captured_host.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";
import { flavor, type Outcome, run } from "./processes.ts";

const ROOT = fromFileUrl(new URL("../../..", import.meta.url));
/** Downloads and interpreters stay here from run to run. */
const CACHE = join(ROOT, ".dev", "projects");

/** What packing a project in a test inherits: nothing is written outside of the checkout. */
export const PACK_ENV: Readonly<Record<string, string>> = {
  FLAVOR_CACHE: join(CACHE, "flavor"),
  XDG_DATA_HOME: join(CACHE, "data"),
  UV_CACHE_DIR: join(CACHE, "uv"),
  npm_config_cache: join(CACHE, "npm"),
};

/** How others call the architectures that there are launchers for. */
const ARCHS = [
  { platform: "linux_amd64", go: "amd64", node: "x64", uv: "x86_64" },
  { platform: "linux_arm64", go: "arm64", node: "arm64", uv: "aarch64" },
] as const;
const [AMD64, ARM64] = ARCHS;
const isArm = Deno.build.arch === "aarch64";

/** This machine. */
export const HERE: typeof ARCHS[number] = isArm ? ARM64 : AMD64;
/** A machine like this one, of the other architecture. */
export const THERE: typeof ARCHS[number] = isArm ? AMD64 : ARM64;

/** The first bytes of a program for a platform, and our launcher's marker. */
export function standIn(platform: string): Uint8Array {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  const isArm64 = platform.endsWith("arm64");
  if (platform.startsWith("linux")) {
    bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    view.setUint16(18, isArm64 ? 183 : 62, true);
  } else if (platform.startsWith("darwin")) {
    view.setUint32(0, 0xcffaedfe);
    view.setUint32(4, isArm64 ? 0x0100000c : 0x01000007, true);
  } else {
    view.setUint16(0, 0x4d5a);
    view.setUint32(0x3c, 192, true);
    view.setUint32(192, 0x50450000);
    view.setUint16(196, isArm64 ? 0xaa64 : 0x8664, true);
  }
  const marker = "flavor-rs-launcher/1 pspf-2025 ops=none,raw,tar,gzip,zstd;";
  bytes.set(new TextEncoder().encode(marker), 64);
  return bytes;
}

/** Puts stand-ins for launchers where `flavor` looks for them; gives its `XDG_DATA_HOME`. */
export async function standInLaunchers(
  dir: TempDir,
  platforms: readonly string[] = [THERE.platform],
): Promise<string> {
  for (const platform of platforms) {
    const name = `flavor-rs-launcher-${platform}`;
    const suffix = platform.startsWith("windows") ? ".exe" : "";
    await dir.write(`data/flavor/bin/${name}${suffix}`, standIn(platform));
  }
  return dir.at("data");
}

/** Copies an example, because packing writes beside it. */
export async function projectCopy(name: string): Promise<TempDir> {
  const dir = await tempDir();
  const from = join(ROOT, "examples", name);
  const { code } = await run("cp", ["-R", `${from}/.`, dir.path]);
  assertEquals(code, 0);
  return dir;
}

/** The prefix of the Python on PATH. */
export async function pythonPrefix(): Promise<string> {
  const { stdout } = await run("python3", [
    "-c",
    "import sys; print(sys.base_prefix)",
  ]);
  return stdout.trim();
}

/** Packs the project in a directory; it has to succeed. */
export async function packIn(
  dir: TempDir,
  ...args: readonly string[]
): Promise<Outcome> {
  const outcome = await flavor(["pack", "--key-seed", "test", ...args], {
    cwd: dir.path,
    env: PACK_ENV,
  });
  assertEquals(outcome.code, 0, outcome.stderr + outcome.stdout);
  return outcome;
}

/** Starts a package with nothing in its environment but a cache of its own. */
export async function startBare(
  path: string,
  args: readonly string[],
  cache: string,
): Promise<Outcome> {
  return await run("env", ["-i", `FLAVOR_CACHE=${cache}`, path, ...args], {
    cwd: "/",
  });
}

/** Names and versions of the libraries that a package says it is made of. */
export async function librariesOf(path: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await flavor(["sbom", path]);
  assertEquals(code, 0, stderr);
  const { components } = JSON.parse(stdout) as {
    readonly components: readonly {
      readonly type: string;
      readonly name: string;
      readonly version: string;
    }[];
  };
  return components.filter(({ type }) => type === "library")
    .map(({ name, version }) =>
      `${name.toLowerCase().replaceAll("_", "-")}==${version}`
    ).sort();
}

/** Another user, to whom nothing here belongs; root may become one. */
const STRANGER = 65_533;

/** Starts a package as {@linkcode startBare} does, as another user where root runs the tests. */
export async function startAsStranger(
  path: string,
  args: readonly string[],
  cache: string,
): Promise<Outcome> {
  if (Deno.uid() !== 0) return await startBare(path, args, cache);
  const id = String(STRANGER);
  const as = ["--reuid", id, "--regid", id, "--clear-groups"];
  const bare = ["env", "-i", `FLAVOR_CACHE=${cache}`, path, ...args];
  return await run("setpriv", [...as, ...bare], { cwd: "/" });
}

/** Gives a directory, and everything below it, to who {@linkcode startAsStranger} is. */
export async function giveToStranger(path: string): Promise<void> {
  if (Deno.uid() !== 0) return;
  const { code } = await run("chown", ["-R", `${STRANGER}:${STRANGER}`, path]);
  assertEquals(code, 0);
}

/** A machine as packing sees it in these tests. */
const HOST = capturedHost({
  cwd: ROOT,
  env: { ...PACK_ENV, PATH: Deno.env.get("PATH") ?? "" },
});

/** The uv that packing uses in these tests. */
export async function ownUv(): Promise<string> {
  return (await findUv(HOST, () => {})).program;
}

/** An interpreter that can be moved: that of an installation, as it is packed. */
export async function movablePython(prefix: string): Promise<string> {
  await using work = await tempDir();
  const { directory } = await preparePython({
    runtime: prefix,
    requires: undefined,
    target: parsePlatform(HERE.platform),
    work: work.path,
    uv: await findUv(HOST, () => {}),
    say: () => {},
  }, HOST);
  return directory;
}

/** Says what the schemas and validators of others find wrong; nothing else. */
const VALIDATE = `
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
with open(sys.argv[1]) as file:
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
if error is not None: print("cyclonedx:", error.data.json_path, error.data.message)
for message in validate_full_spdx_document(parse_file(sys.argv[2])): print("spdx:", message.validation_message)
`;

/** Both documents of a package are what their standards demand. */
export async function assertStandardSbom(path: string): Promise<void> {
  await using dir = await tempDir();
  for (const format of ["cyclonedx", "spdx"]) {
    const { code, stdout } = await flavor(["sbom", path, "--format", format]);
    assertEquals(code, 0);
    await dir.write(`${format}.json`, stdout);
  }
  await Deno.rename(dir.at("spdx.json"), dir.at("made.spdx.json"));
  // deno-fmt-ignore
  const { code, stdout, stderr } = await run(await ownUv(), ["tool", "run", "--quiet", "--python", "python3",
    "--with", "spdx-tools", "--from", "cyclonedx-python-lib[json-validation]", "python", "-c", VALIDATE,
    dir.at("cyclonedx.json"), dir.at("made.spdx.json")], { env: PACK_ENV });
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "");
}
