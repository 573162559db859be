import { basename, DELIMITER, join } from "@std/path";
import { encodeHex } from "@std/encoding/hex";

import { isPspfError, PspfError } from "../errors.ts";
import type { Host } from "../host/types.ts";
import { TOOL_VERSION } from "../pack/tool_version.ts";
import { openPackage } from "../read/open_package.ts";
import { type ProgramForm, programForm } from "./program_form.ts";
import { openRelease, releasesUrl } from "./signed_release.ts";

type UpgradeHost = Pick<
  Host,
  "reader" | "writer" | "processes" | "env" | "machine"
>;

/** What {@linkcode upgrade} is to do. */
export interface UpgradeOptions {
  /** The version to change to, older ones too; else the newest, if it is newer. */
  readonly to?: string | undefined;
  /** Only say what there is. */
  readonly check?: boolean | undefined;
  /** The key that releases are signed with, 64 hexadecimal digits. */
  readonly publicKey: string | undefined;
  /** Gets the number of bytes of each piece that has arrived. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** What {@linkcode upgrade} found and did. */
export interface UpgradeReport {
  readonly current: string;
  readonly available: string;
  readonly isNewer: boolean;
  /** The file that was replaced, if one was. */
  readonly replaced: string | undefined;
}

/** A first start unpacks a runtime of 100 MB, on a slow disk. */
const START_TIMEOUT_MS = 120_000;

/**
 * Replaces this program's executable by that of another release. The new one
 * has to be signed, and has to start, before the old one goes.
 */
export async function upgrade(
  host: UpgradeHost,
  options: UpgradeOptions,
): Promise<UpgradeReport> {
  const { to, check = false, publicKey, onBytes } = options;
  const form = programForm(host);
  if (publicKey === undefined || (form !== "packed" && form !== "compiled")) {
    throw notUpgradable(form);
  }
  const own = form === "compiled"
    ? host.machine.program.compiled ?? ""
    : await findOwnFile(host);
  const release = await openRelease(releasesUrl(host.env), to, publicKey);
  const isNewer = compareVersions(release.version, TOOL_VERSION) > 0;
  const report = { current: TOOL_VERSION, available: release.version, isNewer };
  const isWanted = to === undefined ? isNewer : to !== TOOL_VERSION;
  if (check || !isWanted) return { ...report, replaced: undefined };

  const suffix = /\.exe$/i.exec(own)?.[0] ?? "";
  const stem = own.slice(0, own.length - suffix.length);
  const next = `${stem}.new${suffix}`;
  const name = `flavor-${
    form === "compiled" ? "compiled-" : ""
  }${host.machine.platform}${suffix}`;
  await using cleanup = new AsyncDisposableStack();
  {
    await using sink = await host.writer.createSink(next, {
      mode: 0o755,
      replace: true,
      durable: true,
    });
    await release.download(name, async (chunk) => {
      await sink.write(chunk);
      onBytes?.(chunk.length);
    });
    await sink.commit();
  }
  cleanup.defer(() => host.writer.remove(next));
  await checkStarts(next, release.version, host);
  await replace(own, next, `${stem}.old${suffix}`, host);
  return { ...report, replaced: own };
}

function notUpgradable(form: ProgramForm): PspfError {
  const hints: Partial<Record<ProgramForm, string>> = {
    jsr: "Run: deno install -g -f -A -n flavor jsr:@flavor/pspf/cli",
    checkout: "Update the checkout with git",
    url:
      "flavor.js is fetched from the URL that it is started with: use that of a newer release",
    bundle: "Download flavor.js of a newer release",
  };
  return new PspfError(
    "usage/bad-argument",
    form === "packed" || form === "compiled"
      ? "This flavor knows no release key, so it cannot verify another release"
      : "Only flavor as one executable file can replace itself",
    {
      context: { form },
      hint: hints[form] ?? "Install it from a release",
    },
  );
}

/**
 * The package that this program was unpacked from. Its launcher only says what
 * was typed, so what is found has to have the identity of the workenv.
 */
async function findOwnFile(
  { reader, env, machine }: UpgradeHost,
): Promise<string> {
  const typed = env.get("FLAVOR_ORIGINAL_COMMAND") ?? "";
  const id = basename(env.get("FLAVOR_WORKENV") ?? "");
  const isWindows = machine.platform.startsWith("windows");
  const names = isWindows ? [typed, `${typed}.exe`] : [typed];
  const isPath = /[/\\]/.test(typed);
  const directories = isPath ? [] : (env.get("PATH") ?? "").split(DELIMITER);
  const candidates = [...directories.filter((one) => one !== ""), ""]
    .flatMap((directory) => names.map((name) => join(directory, name)));
  for (const candidate of candidates) {
    try {
      const path = await reader.realPath(reader.absolute(candidate));
      await using source = await reader.openSource(path);
      const { index } = await openPackage(source, { level: "none" });
      const digest = encodeHex(index.fields.metadataDigest);
      if (id !== "" && digest.startsWith(id)) return path;
    } catch (error) {
      // Something else of this name.
      if (!isPspfError(error)) throw error;
    }
  }
  throw new PspfError(
    "io/not-found",
    `Cannot find the file that flavor was started from: it was called as "${typed}"`,
    { context: { command: typed }, hint: "Start it by its full path" },
  );
}

async function checkStarts(
  program: string,
  version: string,
  { processes }: UpgradeHost,
): Promise<void> {
  const args = ["--version", "--json"];
  const { code, stdout, stderr } = await processes.capture(
    { program, args },
    START_TIMEOUT_MS,
  );
  const said = new TextDecoder().decode(stdout).trim();
  if (code === 0 && said.includes(`"version": "${version}"`)) return;
  const reason = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  throw new PspfError(
    "run/cannot-execute",
    `The new flavor does not start here: exit code ${code}${
      reason ? `, ${reason}` : ""
    }`,
    {
      context: { version, exit_code: code },
      hint: "The old one was kept; report this, or install from a release",
    },
  );
}

async function replace(
  own: string,
  next: string,
  old: string,
  { writer, reader, machine }: UpgradeHost,
): Promise<void> {
  if (!machine.platform.startsWith("windows")) {
    await writer.rename(next, own);
    return;
  }
  // A program that runs can be renamed there, but neither replaced nor removed.
  if (await reader.facts(old) !== undefined) await writer.remove(old);
  await writer.rename(own, old);
  try {
    await writer.rename(next, own);
  } catch (error) {
    await writer.rename(old, own);
    throw error;
  }
}

/** Numbers and the tag of what comes before a release; what was built is not compared. */
const VERSION_REGEXP = /^([^+-]*)(?:-([^+]*))?/;

/** Orders versions as Semantic Versioning 2.0 does, for what releases are called. */
export function compareVersions(a: string, b: string): number {
  const [, numbersA = "", tagA] = VERSION_REGEXP.exec(a) ?? [];
  const [, numbersB = "", tagB] = VERSION_REGEXP.exec(b) ?? [];
  const [partsA, partsB] = [numbersA.split("."), numbersB.split(".")];
  for (let at = 0; at < 3; at++) {
    const difference = Number(partsA[at] ?? 0) - Number(partsB[at] ?? 0);
    if (difference !== 0) return difference;
  }
  if (tagA === tagB) return 0;
  if (tagA === undefined) return 1;
  if (tagB === undefined) return -1;
  return tagA.localeCompare(tagB, "en", { numeric: true });
}
