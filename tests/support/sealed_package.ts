/** Builds small sealed packages out of parts, good or bad, without `lib/build`. */

import { keyPairFromSeed, sha256, sign } from "@flavor/pspf/crypto";
import { shortHash, shortHashOf } from "../../lib/crypto/sha256.ts";
import { computeLayout } from "../../lib/format/layout.ts";
import {
  encodeIndexBlock,
  type IndexBlockInit,
  writeIndexChecksum,
} from "../../lib/format/index_block.ts";
import { encodeMetadata } from "../../lib/format/metadata_document.ts";
import { encodeSeal, writeSealSignature } from "../../lib/format/seal.ts";
import { encodeSlotTable } from "../../lib/format/slot_descriptor.ts";
import { encodeTrailer } from "../../lib/format/trailer.ts";
import {
  type PackageMetadata,
  sealMessage,
  type SlotDescriptor,
} from "@flavor/pspf/format";
import { encodeHex } from "@std/encoding/hex";
import { gzipSync } from "node:zlib";

/** A slot of a test package. */
export interface SealedSlot {
  readonly id: string;
  readonly stored: Uint8Array;
  readonly target?: string;
  readonly operations?: string;
  readonly packed?: bigint;
  readonly originalSize?: number;
}

/** What can be changed before everything is signed. */
export interface SealedOptions {
  readonly slots?: readonly SealedSlot[];
  readonly metadata?: Partial<PackageMetadata>;
  readonly editJson?: (json: string) => string | Uint8Array<ArrayBuffer>;
  readonly editDescriptor?: (
    slot: SlotDescriptor,
    index: number,
  ) => SlotDescriptor;
  readonly editIndex?: (init: IndexBlockInit) => IndexBlockInit;
  /** Changes the index block before the seal signs it. */
  readonly editBlock?: (block: Uint8Array) => void;
  readonly isSealed?: boolean;
}

const LAUNCHER = new TextEncoder().encode("launcher");

/** Builds a package of which every signature fits what was asked for. */
export async function makeSealedPackage(
  options: SealedOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { slots = [], isSealed = true } = options;
  const pair = await keyPairFromSeed("sealed");
  const document = await describe(slots, options.metadata ?? {});
  let json: Uint8Array<ArrayBuffer> = encodeMetadata(document);
  if (options.editJson !== undefined) {
    const edited = options.editJson(new TextDecoder().decode(json));
    json = typeof edited === "string"
      ? new TextEncoder().encode(edited)
      : edited;
  }
  const gz = new Uint8Array(gzipSync(json));
  const layout = computeLayout({
    launcher: LAUNCHER.length,
    metadata: gz.length,
    slots: slots.map(({ stored }) => stored.length),
  });
  const descriptors = await Promise.all(slots.map(async (slot, index) => {
    const descriptor: SlotDescriptor = {
      id: BigInt(index),
      nameHash: await shortHash(slot.id),
      offset: BigInt(layout.slotOffsets[index] ?? 0),
      size: BigInt(slot.stored.length),
      originalSize: BigInt(slot.originalSize ?? slot.stored.length),
      operations: slot.packed ?? 0n,
      checksum: shortHashOf(await sha256(slot.stored)),
      purpose: 0,
      lifecycle: 2,
      priority: 128,
      platform: 0,
      permissions: 0o644,
    };
    return options.editDescriptor?.(descriptor, index) ?? descriptor;
  }));
  const table = encodeSlotTable(descriptors);
  const init: IndexBlockInit = {
    packageSize: layout.packageSize,
    launcherSize: LAUNCHER.length,
    metadataOffset: layout.metadataOffset,
    metadataSize: gz.length,
    slotTableOffset: layout.slotTableOffset,
    slotCount: slots.length,
    publicKey: pair.publicKey,
    metadataDigest: await sha256(gz),
    signature: await sign(pair, json),
    ...(isSealed && {
      seal: encodeSeal({
        launcherDigest: await sha256(LAUNCHER),
        slotTableDigest: await sha256(table),
      }),
    }),
  };
  const block = encodeIndexBlock(options.editIndex?.(init) ?? init);
  options.editBlock?.(block);
  if (isSealed) writeSealSignature(block, await sign(pair, sealMessage(block)));
  writeIndexChecksum(block);
  const file = new Uint8Array(layout.packageSize);
  file.set(LAUNCHER);
  file.set(gz, layout.metadataOffset);
  file.set(table, layout.slotTableOffset);
  slots.forEach(({ stored }, index) =>
    file.set(stored, layout.slotOffsets[index])
  );
  file.set(encodeTrailer(block), layout.trailerOffset);
  return file;
}

async function describe(
  slots: readonly SealedSlot[],
  metadata: Partial<PackageMetadata>,
): Promise<PackageMetadata> {
  return {
    format: "PSPF/2025",
    formatVersion: "1.0.0",
    package: { name: "test", version: "1.0.0" },
    slots: await Promise.all(
      slots.map(async ({ id, stored, target, operations }, slot) => ({
        slot,
        id,
        source: id,
        target: target ?? id,
        size: stored.length,
        checksum: `sha256:${encodeHex(await sha256(stored))}`,
        operations: operations ?? "raw",
        purpose: "data",
        lifecycle: "runtime",
        permissions: "0644",
      })),
    ),
    execution: { primarySlot: 0, command: "true", env: {} },
    setupCommands: [],
    ...metadata,
  };
}
