import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { BlockCompressor } from "../compress/block_compressor.ts";
import { keyFingerprint } from "../crypto/sha256.ts";
import { encodePrivateKeyPem, encodePublicKeyPem } from "../crypto/key_file.ts";
import { sha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import { FORMAT_NAME } from "../format/constants.ts";
import type { JsonObject, PackageMetadata } from "../format/metadata.ts";
import { formatPermissions } from "../format/slot_words.ts";
import type { FileReader, ProcessRunner } from "../host/types.ts";
import type { ByteSink } from "../io/byte_sink.ts";
import {
  detectPlatforms,
  EXECUTABLE_HEAD_SIZE,
} from "../launchers/executable_format.ts";
import { platformName } from "../launchers/platform.ts";
import { readableOutput } from "../launchers/readable_output.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { openPackage } from "../read/open_package.ts";
import {
  type BuildOptions,
  type BuildReport,
  type SettledPlan,
  settlePlan,
} from "./build_package.ts";
import { type EncodedSlot, encodeSlot } from "./encode_slot.ts";
import type { PackHost } from "./pack_host.ts";
import { placeSlot } from "./package_tail.ts";
import { verifyWritten } from "./verify_written.ts";

/** A native builder that writes the package instead of us. */
export interface NativeBuilder {
  /** The program. */
  readonly program: string;
  /** How much it says. */
  readonly logLevel: string;
  /** Runs it. */
  readonly processes: ProcessRunner;
  /** Gets what it said on standard error. */
  readonly onSaid: (text: string) => void;
}

/** Nothing that takes longer is a build. */
const TIMEOUT_MS = 6 * 60 * 60 * 1000;

/** Only for the user who builds. */
const PRIVATE_MODE = 0o600;

/**
 * Has a native builder write a package, in a private directory. It gets slots
 * that are encoded already, under names that are the same each time, so that no
 * path of this machine reaches the package. What it wrote has to verify, to be
 * signed by our key and to hold what was asked for; only then it is copied.
 */
export async function writeWithBuilder(
  plan: BuildPlan,
  sink: ByteSink,
  builder: NativeBuilder,
  launcherPath: string,
  options: BuildOptions,
  host: PackHost,
): Promise<BuildReport> {
  const { reader, writer, machine } = host;
  const program = await reader.realPath(builder.program);
  await checkRunsHere(program, reader, machine.platform);
  // None of the existing builders knows more.
  const settled = await settlePlan(plan, { ...options, portable: true });
  const directory = await writer.makeTemporaryDirectory("flavor-build-");
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => writer.remove(directory));
  const path = join(directory, "package.psp");
  const slots = await writeInputs(settled, directory, options, host);
  const { code, stderr } = await builder.processes.capture({
    program,
    args: [
      ...["--manifest", join(directory, MANIFEST)],
      ...["--output", path],
      ...["--launcher-bin", launcherPath],
      ...["--private-key", join(directory, PRIVATE_KEY)],
      // Not every builder derives it.
      ...["--public-key", join(directory, PUBLIC_KEY)],
      ...["--log-level", builder.logLevel],
    ],
    cwd: directory,
    env: {
      FLAVOR_WORKENV_BASE: directory,
      SOURCE_DATE_EPOCH: String(options.sourceDateEpoch ?? 0),
    },
  }, TIMEOUT_MS);
  const said = readableOutput(stderr);
  if (said !== "") builder.onSaid(said);
  if (code !== 0 || await reader.facts(path) === undefined) {
    throw builderFailed(program, code, said);
  }
  await using source = await reader.openSource(path);
  await verifyWritten(source, options);
  const { metadata, index, slots: stored } = await openPackage(source);
  checkBuilt(metadata, settled.plan, slots);
  const launcher = await source.read(
    index.launcher.offset,
    index.launcher.size,
  );
  check("launcher", await sha256(launcher), settled.launcher.digest);
  for await (const chunk of source.stream(0, source.size)) {
    await sink.write(chunk);
  }
  const warnings = plan.custom === undefined ? settled.warnings : [
    ...settled.warnings,
    "custom is left out: native builders do not know it",
  ];
  return {
    packageSize: source.size,
    launcher: settled.launcher,
    metadataSize: index.metadata.size,
    metadataDigest: encodeHex(index.fields.metadataDigest),
    portable: true,
    keyFingerprint: await keyFingerprint(options.keyPair.publicKey),
    slots: await Promise.all(
      slots.map((slot, at) => placeSlot(slot, stored[at]?.offset ?? 0)),
    ),
    warnings,
  };
}

const MANIFEST = "manifest.json";
const PRIVATE_KEY = "flavor-private.key";
const PUBLIC_KEY = "flavor-public.key";

async function writeInputs(
  settled: SettledPlan,
  directory: string,
  options: BuildOptions,
  { writer }: PackHost,
): Promise<readonly EncodedSlot[]> {
  const { keyPair, sourceDateEpoch = 0, cache, signal } = options;
  const write = async (
    name: string,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> => {
    const path = join(directory, name);
    await using sink = await writer.createSink(path, { mode: PRIVATE_MODE });
    for await (const chunk of chunks) await sink.write(chunk);
    await sink.commit();
  };
  using compressor = new BlockCompressor({ jobs: options.jobs });
  const slots: EncodedSlot[] = [];
  for (const source of settled.slots) {
    const encoding = {
      compressor,
      cache,
      mtime: sourceDateEpoch,
      onInput: () => {},
      signal,
    };
    const encoded = collectResult(encodeSlot(source, encoding), slots);
    await write(`slot-${source.index}`, encoded);
  }
  const text = (value: string): Uint8Array[] => [
    new TextEncoder().encode(value),
  ];
  const manifest = builderManifest(settled.plan, slots);
  await write(MANIFEST, text(JSON.stringify(manifest, undefined, 2)));
  await write(PRIVATE_KEY, text(encodePrivateKeyPem(keyPair.privateKey)));
  await write(PUBLIC_KEY, text(encodePublicKeyPem(keyPair.publicKey)));
  return slots;
}

/** Passes on what a stream gives, and keeps what it returns. */
async function* collectResult<T>(
  stream: AsyncGenerator<Uint8Array, T, undefined>,
  results: T[],
): AsyncGenerator<Uint8Array, void, undefined> {
  results.push(yield* stream);
}

/** A script is for whatever its first line names; a program has to fit. */
async function checkRunsHere(
  path: string,
  reader: FileReader,
  platform: string,
): Promise<void> {
  await using source = await reader.openSource(path);
  const size = Math.min(source.size, EXECUTABLE_HEAD_SIZE);
  const names = detectPlatforms(await source.read(0, size)).map(platformName);
  if (names.length === 0 || names.includes(platform)) return;
  throw new PspfError(
    "launcher/wrong-format",
    `The builder "${path}" is a program for ${
      names.join(" and ")
    }, and this machine is ${platform}`,
    {
      context: { path, expected: platform, actual: names },
      hint:
        "Choose the builder for this machine; --target is what it packs for",
    },
  );
}

function builderFailed(program: string, code: number, said: string): PspfError {
  const what = code === 0
    ? "ended well and wrote nothing"
    : `ended with code ${code}`;
  return new PspfError(
    "launcher/failed",
    `The builder "${program}" ${what}${
      said === "" ? "" : `; it said:\n${said}`
    }`,
    {
      context: { program, code, stderr: said },
      hint: "Leave --builder-bin out to build with this program itself",
    },
  );
}

/**
 * Writes a plan down for a native builder, which stores every source as it is
 * and knows nothing that is newer than itself.
 */
function builderManifest(
  plan: BuildPlan,
  slots: readonly EncodedSlot[],
): JsonObject {
  const { execution, runtime, workenv, cacheValidation } = plan;
  const document = {
    format: FORMAT_NAME,
    package: plan.package,
    execution: {
      primary_slot: execution.primarySlot,
      command: execution.command,
      // The Rust builder reads the first, the Go builder the second.
      env: execution.env,
      environment: execution.env,
    },
    slots: slots.map(({ source, operations }, index) => ({
      slot: index,
      id: source.spec.id,
      source: `slot-${index}`,
      target: source.target,
      // The Rust builder takes `tar.gz` for nothing at all; both know `tgz`.
      operations: operations.toString() === "tar.gz"
        ? "tgz"
        : operations.toString(),
      purpose: source.spec.purpose,
      lifecycle: source.spec.lifecycle,
      permissions: formatPermissions(source.permissions),
      resolution: source.spec.resolution,
    })),
    setup_commands: plan.setupCommands,
    cache_validation: cacheValidation && {
      check_file: cacheValidation.checkFile,
      expected_content: cacheValidation.expectedContent,
    },
    runtime,
    workenv,
  };
  return document as unknown as JsonObject;
}

/**
 * Compares a package that somebody else built with what was asked for: a valid
 * package with the wrong content is no better than none.
 */
function checkBuilt(
  metadata: PackageMetadata,
  plan: BuildPlan,
  slots: readonly EncodedSlot[],
): void {
  check("name", metadata.package.name, plan.package.name);
  check("version", metadata.package.version, plan.package.version);
  check("number of slots", metadata.slots.length, slots.length);
  for (const [index, { source, digest }] of slots.entries()) {
    const slot = metadata.slots[index];
    if (slot === undefined) continue;
    check(`id of slot ${index}`, slot.id, source.spec.id);
    check(`target of slot ${index}`, slot.target, source.target);
    check(
      `SHA-256 of slot ${index}`,
      slot.checksum.replace(/^(?:sha256:)+/, ""),
      encodeHex(digest),
    );
  }
  const { execution } = metadata;
  check("execution.command", execution.command, plan.execution.command);
  check("execution.env", execution.env, plan.execution.env);
  check(
    "workenv.directories",
    metadata.workenv?.directories ?? [],
    plan.workenv?.directories ?? [],
  );
  check("workenv.env", metadata.workenv?.env ?? {}, plan.workenv?.env ?? {});
  check("runtime", metadata.runtime?.env ?? {}, plan.runtime?.env ?? {});
  check("setup_commands", metadata.setupCommands, plan.setupCommands);
}

function check(what: string, actual: unknown, expected: unknown): void {
  const [one, other] = [canonical(actual), canonical(expected)];
  if (one === other) return;
  throw new PspfError(
    "build/verification-failed",
    `The builder wrote another package than it was asked for: the ${what} is ${one}, expected ${other}`,
    {
      context: { what, actual: one, expected: other },
      hint: "Leave --builder-bin out to build with this program itself",
    },
  );
}

/** Some builders sort keys and write empty lists where there is nothing. */
function canonical(value: unknown): string {
  if (value instanceof Uint8Array) return encodeHex(value);
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== "object" || member === null) return member;
    if (Array.isArray(member)) return member;
    const entries = Object.entries(member).filter(([, one]) =>
      one !== undefined && one !== null &&
      !(typeof one === "object" && Object.keys(one).length === 0)
    );
    return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
  });
}
