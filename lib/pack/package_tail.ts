import { encodeHex } from "@std/encoding/hex";
import { getCodec } from "../compress/codec.ts";
import { type KeyPair, sign } from "../crypto/ed25519.ts";
import { sha256 } from "../crypto/sha256.ts";
import { shortHash, shortHashOf } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import {
  DEFAULT_PRIORITY,
  FORMAT_NAME,
  MAX_METADATA_SIZE,
  MAX_PORTABLE_METADATA_SIZE,
  SEAL_FEATURE,
} from "../format/constants.ts";
import { encodeIndexBlock, writeIndexChecksum } from "../format/index_block.ts";
import { computeLayout } from "../format/layout.ts";
import type {
  BuildMetadata,
  PackageMetadata,
  SlotMetadata,
} from "../format/metadata.ts";
import { encodeMetadata } from "../format/metadata_document.ts";
import { Operation } from "../format/operations.ts";
import { encodeSeal, sealMessage, writeSealSignature } from "../format/seal.ts";
import {
  encodeSlotTable,
  type SlotDescriptor,
  slotDescriptorId,
} from "../format/slot_descriptor.ts";
import {
  formatPermissions,
  lifecycleByte,
  purposeByte,
  SLOT_PLATFORMS,
} from "../format/slot_words.ts";
import { encodeTrailer } from "../format/trailer.ts";
import { collectBytes } from "../io/collect_bytes.ts";
import type { LauncherFacts } from "../launchers/inspect_launcher.ts";
import type { Platform } from "../launchers/platform.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { EncodedSlot } from "./encode_slot.ts";
import { TOOL_NAME, TOOL_VERSION } from "./tool_version.ts";

/** A slot in its place, and what the package says about it. */
export interface StoredSlot extends EncodedSlot {
  /** Where its bytes start in the package. */
  readonly offset: number;
  /** Its entry in the slot table. */
  readonly descriptor: SlotDescriptor;
  /** Its entry in the signed metadata. */
  readonly metadata: SlotMetadata;
}

/** What the end of a package is made of. */
export interface TailFacts {
  readonly plan: BuildPlan;
  /** The slots, in their places. */
  readonly slots: readonly StoredSlot[];
  readonly launcher: LauncherFacts;
  readonly keyPair: KeyPair;
  /** Unix time of the build in seconds. */
  readonly time: number;
  /** What the launcher runs on, where that is known. */
  readonly target: Platform | undefined;
  /** Whether existing launchers have to read it. */
  readonly portable: boolean;
}

/** The end of a package: everything after the slots. */
export interface PackageTail {
  /** Its bytes, in order. */
  readonly chunks: readonly Uint8Array[];
  /** Length of the whole package in bytes. */
  readonly packageSize: number;
  /** Length of the compressed metadata in bytes. */
  readonly metadataSize: number;
  /** SHA-256 of the compressed metadata. */
  readonly metadataDigest: Uint8Array;
}

/**
 * Describes and signs a package. The metadata signature covers the document,
 * and with it the digest of every slot; the seal covers the rest.
 */
export async function encodeTail(facts: TailFacts): Promise<PackageTail> {
  const { slots, launcher, keyPair, portable } = facts;
  const document = encodeMetadata(describePackage(facts));
  const limit = portable ? MAX_PORTABLE_METADATA_SIZE : MAX_METADATA_SIZE;
  if (document.length > limit) throw metadataTooLarge(document.length, limit);
  const metadata = await gzip(document);
  const metadataDigest = await sha256(metadata);
  const layout = computeLayout({
    launcher: launcher.size,
    slots: slots.map(({ size }) => size),
    metadata: metadata.length,
  });
  const slotTable = encodeSlotTable(slots.map(({ descriptor }) => descriptor));
  const block = encodeIndexBlock({
    packageSize: layout.packageSize,
    launcherSize: launcher.size,
    metadataOffset: layout.metadataOffset,
    metadataSize: metadata.length,
    slotTableOffset: layout.slotTableOffset,
    slotCount: slots.length,
    publicKey: keyPair.publicKey,
    metadataDigest,
    signature: await sign(keyPair, document),
    buildTimestamp: facts.time,
    seal: encodeSeal({
      launcherDigest: launcher.digest,
      slotTableDigest: await sha256(slotTable),
    }),
  });
  writeSealSignature(block, await sign(keyPair, sealMessage(block)));
  writeIndexChecksum(block);
  const last = slots.at(-1);
  const slotsEnd = last === undefined ? launcher.size : last.offset + last.size;
  return {
    chunks: [
      new Uint8Array(layout.metadataOffset - slotsEnd),
      metadata,
      new Uint8Array(
        layout.slotTableOffset - layout.metadataOffset - metadata.length,
      ),
      slotTable,
      encodeTrailer(block),
    ].filter(({ length }) => length > 0),
    packageSize: layout.packageSize,
    metadataSize: metadata.length,
    metadataDigest,
  };
}

/** Describes a slot that was stored at an offset. */
export async function placeSlot(
  slot: EncodedSlot,
  offset: number,
): Promise<StoredSlot> {
  const { spec, index, permissions, target } = slot.source;
  return {
    ...slot,
    offset,
    descriptor: {
      id: slotDescriptorId(index),
      nameHash: await shortHash(spec.id),
      offset: BigInt(offset),
      size: BigInt(slot.size),
      originalSize: BigInt(slot.originalSize),
      operations: slot.operations.encode(),
      checksum: shortHashOf(slot.digest),
      purpose: purposeByte(spec.purpose),
      lifecycle: lifecycleByte(spec.lifecycle),
      priority: spec.priority ?? DEFAULT_PRIORITY,
      platform: SLOT_PLATFORMS[spec.platform],
      permissions,
    },
    metadata: {
      slot: index,
      id: spec.id,
      source: recordedSource(spec.source),
      target,
      size: slot.size,
      checksum: checksumOf(slot.digest),
      operations: slot.operations.toString(),
      purpose: spec.purpose,
      lifecycle: spec.lifecycle,
      permissions: formatPermissions(permissions),
      resolution: spec.resolution,
      frames: slot.frames,
    },
  };
}

const METADATA_VERSION = "1.0.0";

/**
 * Nothing in the document comes from the machine or the moment, so that the
 * same build gives the same document everywhere.
 */
function describePackage(facts: TailFacts): PackageMetadata {
  const { plan, launcher } = facts;
  const isOurs = launcher.operations !== undefined;
  return {
    format: FORMAT_NAME,
    formatVersion: plan.formatVersion ?? METADATA_VERSION,
    package: plan.package,
    slots: facts.slots.map(({ metadata }) => metadata),
    execution: plan.execution,
    verification: {
      integritySeal: { required: true, algorithm: "ed25519" },
      signed: true,
      requireVerification: true,
    },
    build: describeBuild(facts),
    launcher: {
      tool: isOurs ? "flavor-rs-launcher" : "launcher",
      toolVersion: launcher.version ?? "unknown",
      source: launcher.source && `sha256:${launcher.source}`,
      size: launcher.size,
      checksum: checksumOf(launcher.digest),
      capabilities: ["mmap", "signed"],
    },
    compatibility: {
      minFormatVersion: METADATA_VERSION,
      features: [SEAL_FEATURE],
    },
    cacheValidation: plan.cacheValidation,
    runtime: plan.runtime,
    workenv: plan.workenv,
    setupCommands: plan.setupCommands,
    custom: plan.custom,
  };
}

/** Names a source the way it is recorded: paths of the machine stay out. */
export function recordedSource(source: string): string {
  const isAbsolute = /^(?:[/\\]|[A-Za-z]:[/\\])/.test(source);
  if (!isAbsolute) return source;
  return source.split(/[/\\]/).findLast((part) => part !== "") ?? "";
}

/** What the plan says about the build wins over what is known here. */
function describeBuild({ plan, time, target }: TailFacts): BuildMetadata {
  const timestamp = new Date(time * 1000).toISOString()
    .replace(".000Z", "+00:00");
  return {
    tool: TOOL_NAME,
    toolVersion: TOOL_VERSION,
    timestamp,
    deterministic: true,
    platform: {
      os: target?.os ?? "any",
      arch: target?.arch ?? "any",
      host: "any",
    },
    ...plan.build,
  };
}

function checksumOf(digest: Uint8Array): string {
  return `sha256:${encodeHex(digest)}`;
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = ReadableStream.from([bytes])
    .pipeThrough(getCodec(Operation.GZIP).encode());
  return await collectBytes(stream, {
    maxSize: 2 * MAX_METADATA_SIZE,
    what: "compressed metadata",
    code: "build/limit",
  });
}

function metadataTooLarge(actual: number, limit: number): PspfError {
  return new PspfError(
    "build/limit",
    `Cannot build the package: its metadata has ${actual} bytes, the most is ${limit}`,
    {
      context: { actual, limit },
      hint: "Put fewer slots or less custom data into one package",
    },
  );
}
