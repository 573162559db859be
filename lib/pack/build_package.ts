import { encodeHex } from "@std/encoding/hex";
import { alignUp } from "../bytes/u64.ts";
import { BlockCompressor } from "../compress/block_compressor.ts";
import type { KeyPair } from "../crypto/ed25519.ts";
import { keyFingerprint } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import { ALIGNMENT } from "../format/constants.ts";
import { operationName } from "../format/operations.ts";
import type { ByteSink } from "../io/byte_sink.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { streamFrom } from "../io/stream_from.ts";
import {
  inspectLauncher,
  type LauncherFacts,
} from "../launchers/inspect_launcher.ts";
import type { Platform } from "../launchers/platform.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { BuildBlockCache } from "./block_cache.ts";
import { encodeSlot, type EncodeSlotOptions } from "./encode_slot.ts";
import { encodeTail, placeSlot, type StoredSlot } from "./package_tail.ts";
import { prepareLauncher } from "./platform_signing.ts";
import { portablePlan } from "./portable.ts";
import {
  checkTargets,
  openSlot,
  type SlotSource,
  type SourceOpener,
} from "./slot_source.ts";

/** How far a build has come. */
export interface BuildProgress {
  /** `pack` reads and encodes the sources, `verify` reads back what was written. */
  readonly stage: "pack" | "verify";
  /** Id of the slot that is being packed. */
  readonly slot?: string | undefined;
  /** Bytes done in this stage. */
  readonly completed: number;
  /** Bytes to do in this stage. */
  readonly total: number;
}

/**
 * What a build needs besides its plan.
 *
 * @internal
 */
export interface BuildOptions {
  /** The program at the front of the package; not closed. */
  readonly launcher: RandomAccessSource;
  /** Signs the package. */
  readonly keyPair: KeyPair;
  /** Finds sources. */
  readonly openSource: SourceOpener;
  /**
   * How many blocks are compressed at once; never changes the output.
   *
   * @default {1}
   */
  readonly jobs?: number | undefined;
  /** Compresses blocks, where workers were started early; not disposed. */
  readonly compressor?: BlockCompressor | undefined;
  /**
   * Keeps to what the existing launchers can start. By default so if the plan
   * asks for it, or the launcher is not ours.
   */
  readonly portable?: boolean | undefined;
  /**
   * Time of the build and of archive entries, in seconds since 1970.
   *
   * @default {0}
   */
  readonly sourceDateEpoch?: number | undefined;
  /** What the launcher runs on; only recorded. */
  readonly target?: Platform | undefined;
  /** Keeps compressed blocks for the next build; never changes the output. */
  readonly cache?: BuildBlockCache | undefined;
  /** Called for every piece of input; keep it cheap. */
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
  /** Sees the slots before the package is signed, and may object. */
  readonly onSlots?: ((slots: readonly StoredSlot[]) => void) | undefined;
  /** Stops the build; the rejection carries the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What was built; sizes in bytes. */
export interface BuildReport {
  /** Length of the file. */
  readonly packageSize: number;
  /** The launcher. */
  readonly launcher: LauncherFacts;
  /** Length of the compressed metadata. */
  readonly metadataSize: number;
  /** SHA-256 of the compressed metadata, in hex; names the workenv. */
  readonly metadataDigest: string;
  /** Whether the portable profile was kept. */
  readonly portable: boolean;
  /** SHA-256 of the public key, in hex. */
  readonly keyFingerprint: string;
  /** Its slots, with everything that the build decided. */
  readonly slots: readonly StoredSlot[];
  /** What is odd, but not wrong: of the manifest and of the build. */
  readonly warnings: readonly string[];
}

/** A plan of which everything is decided that can be without reading. */
export interface SettledPlan {
  /** The plan, in the words of its profile. */
  readonly plan: BuildPlan;
  /** What is known of the launcher. */
  readonly launcher: LauncherFacts;
  /** Whether every limit of the existing launchers is kept. */
  readonly portable: boolean;
  /** The slots, with their sources found and their operations chosen. */
  readonly slots: readonly SlotSource[];
  /** What is odd, but not wrong. */
  readonly warnings: readonly string[];
}

/** From this much input on, workers are needed most likely. */
const PREPARED_SIZE = 8 * 1024 * 1024;

/**
 * Builds a package as a stream. The work begins when the stream is read, and
 * everything is closed when it ends, fails or is cancelled.
 */
export function buildPackage(
  plan: BuildPlan,
  options: BuildOptions,
  onReport?: (report: BuildReport) => void,
): ReadableStream<Uint8Array> {
  async function* copies(): AsyncGenerator<Uint8Array, void, undefined> {
    const head = await findHead(plan, options);
    const chunks = packageChunks(plan, options, head);
    try {
      for (let step = await chunks.next();; step = await chunks.next()) {
        if (step.done) return onReport?.(step.value.report);
        // A stream's reader may keep what it gets.
        yield new Uint8Array(step.value);
      }
    } finally {
      await chunks.return(undefined as never);
    }
  }
  return streamFrom(copies());
}

/**
 * Builds a package and writes it to a sink, which the caller commits: between
 * the two is the moment to verify what was written.
 */
export async function writePackage(
  plan: BuildPlan,
  sink: ByteSink,
  options: BuildOptions,
): Promise<BuildReport> {
  const head = sink.patch === undefined
    ? await findHead(plan, options)
    : undefined;
  const chunks = packageChunks(plan, options, head);
  try {
    for (let step = await chunks.next();; step = await chunks.next()) {
      if (step.done) {
        const { report, head } = step.value;
        if (head !== undefined) await sink.patch?.(0, head);
        return report;
      }
      await sink.write(step.value);
    }
  } finally {
    await chunks.return(undefined as never);
  }
}

/** What is known when the last byte is out. */
interface BuiltChunks {
  readonly report: BuildReport;
  /** The first bytes of the file, which only its end could tell. */
  readonly head: Uint8Array | undefined;
}

/**
 * Builds once more for the first bytes, where they depend on the last ones: a
 * program for macOS says in its header where its signature is.
 */
async function findHead(
  plan: BuildPlan,
  options: BuildOptions,
): Promise<Uint8Array | undefined> {
  const { launcher, signal } = options;
  const { signer } = await prepareLauncher(launcher, plan.package.name, signal);
  if (signer === undefined) return undefined;
  const chunks = packageChunks(plan, { ...options, onProgress: undefined });
  for (let step = await chunks.next();; step = await chunks.next()) {
    if (step.done) return step.value.head;
  }
}

/** Passes chunks on, signed for their platform: `head` takes the place of the first bytes. */
async function* packageChunks(
  plan: BuildPlan,
  options: BuildOptions,
  head?: Uint8Array,
): AsyncGenerator<Uint8Array, BuiltChunks, undefined> {
  const { launcher, signal } = options;
  const { source, signer } = await prepareLauncher(
    launcher,
    plan.package.name,
    signal,
  );
  const chunks = unsignedChunks(plan, { ...options, launcher: source });
  let size = 0;
  try {
    for (let step = await chunks.next();; step = await chunks.next()) {
      if (!step.done) {
        const chunk = step.value;
        await signer?.update(chunk);
        if (head !== undefined && size < head.length) {
          const signed = chunk.slice();
          signed.set(head.subarray(size, size + chunk.length));
          yield signed;
        } else yield chunk;
        size += chunk.length;
        continue;
      }
      const report = step.value;
      if (signer === undefined) return { report, head: undefined };
      const signature = await signer.finish();
      yield signature.tail;
      const packageSize = report.packageSize + signature.tail.length;
      return { report: { ...report, packageSize }, head: signature.head };
    }
  } finally {
    await chunks.return(undefined as never);
  }
}

/**
 * Gives a package in one pass and constant memory: launcher, slots, metadata,
 * slot table, trailer. A chunk is the caller's until the next one is asked for.
 */
async function* unsignedChunks(
  original: BuildPlan,
  options: BuildOptions,
): AsyncGenerator<Uint8Array, BuildReport, undefined> {
  const { keyPair, sourceDateEpoch = 0, cache, signal } = options;
  const settled = await settlePlan(original, options);
  const { plan, launcher, portable, warnings } = settled;
  const total = settled.slots.reduce((sum, { size }) => sum + size, 0);
  using own = options.compressor === undefined
    ? new BlockCompressor({ jobs: options.jobs })
    : undefined;
  const compressor = options.compressor ?? own as BlockCompressor;
  if (total > PREPARED_SIZE) compressor.prepare();

  yield* options.launcher.stream(0, launcher.size, { signal });
  let end = launcher.size;
  let completed = 0;
  const slots: StoredSlot[] = [];
  for (const source of settled.slots) {
    const encoding: EncodeSlotOptions = {
      compressor,
      cache,
      mtime: sourceDateEpoch,
      onInput: (length) => {
        completed += length;
        options.onProgress?.({
          stage: "pack",
          slot: source.spec.id,
          completed,
          total: Math.max(total, completed),
        });
      },
      signal,
    };
    const offset = alignUp(end, ALIGNMENT);
    const chunks = encodeSlot(source, encoding);
    // What has no bytes takes no place, not even padding.
    let step = await chunks.next();
    if (!step.done && offset > end) yield new Uint8Array(offset - end);
    const start = step.done ? end : offset;
    try {
      for (; !step.done; step = await chunks.next()) yield step.value;
    } finally {
      if (!step.done) await chunks.return(undefined as never);
    }
    slots.push(await placeSlot(step.value, start));
    end = start + step.value.size;
  }
  await cache?.trim();
  options.onSlots?.(slots);
  const tail = await encodeTail({
    plan,
    slots,
    launcher,
    keyPair,
    time: sourceDateEpoch,
    target: options.target,
    portable,
  });
  yield* tail.chunks;
  return {
    packageSize: tail.packageSize,
    launcher,
    metadataSize: tail.metadataSize,
    metadataDigest: encodeHex(tail.metadataDigest),
    portable,
    keyFingerprint: await keyFingerprint(keyPair.publicKey),
    slots,
    warnings,
  };
}

/**
 * Finds the sources and decides profile and operations, so that a build with
 * a mistake fails before it starts.
 */
export async function settlePlan(
  original: BuildPlan,
  options: Pick<
    BuildOptions,
    "launcher" | "openSource" | "portable" | "target" | "signal"
  >,
): Promise<SettledPlan> {
  const { signal, target } = options;
  signal?.throwIfAborted();
  const { name } = original.package;
  const { source } = await prepareLauncher(options.launcher, name, signal);
  const launcher = await inspectLauncher(source, signal);
  const portable = options.portable ??
    (original.portable || launcher.operations === undefined);
  const warnings = [...original.warnings];
  const warn = (message: string): void => void warnings.push(message);
  if (launcher.operations === undefined) {
    if (!portable) {
      warn(
        "the launcher is not ours: it may not be able to undo zstd, or to start the package at all",
      );
    } else if (options.portable === undefined && !original.portable) {
      warn("the launcher is not ours: the portable profile was chosen");
    }
  }
  const plan = portable
    ? portablePlan(original, {
      os: target?.os ?? "any",
      arch: target?.arch ?? "any",
      warn,
    })
    : original;
  const slots: SlotSource[] = [];
  for (const [index, spec] of plan.slots.entries()) {
    const found = await options.openSource(spec);
    const how = { index, portable, warn, signal };
    slots.push(await openSlot(spec, found, how));
  }
  checkTargets(slots);
  if (!portable) checkLauncherOperations(slots, launcher);
  return { plan, launcher, portable, slots, warnings };
}

/** A package that its own launcher cannot unpack is not a package. */
function checkLauncherOperations(
  slots: readonly SlotSource[],
  { operations: known }: LauncherFacts,
): void {
  if (known === undefined) return;
  for (const { spec, operations } of slots) {
    const names = [...operations].map(operationName);
    const missing = names.find((name) => !known.has(name));
    if (missing === undefined) continue;
    throw new PspfError(
      "build/limit",
      `Cannot build slot "${spec.id}": the launcher cannot undo ${missing}`,
      {
        context: { slot: spec.id, operation: missing, known: [...known] },
        hint: `Use ${[...known].join(", ")}, or a newer launcher`,
      },
    );
  }
}
