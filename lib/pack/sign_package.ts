import { getCodec } from "../compress/get_codec.ts";
import { type KeyPair, sign } from "../crypto/ed25519.ts";
import { sha256 } from "../crypto/sha256.ts";
import { shortHash, shortHashOf } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import {
  DEFAULT_PRIORITY,
  MAX_WRITTEN_METADATA_SIZE,
} from "../format/constants.ts";
import { encodeMetadata } from "../format/encode_metadata.ts";
import { encodeIndexBlock, writeIndexChecksum } from "../format/index_block.ts";
import { computeLayout, type Layout } from "../format/layout.ts";
import type { PackageMetadata } from "../format/metadata.ts";
import { Operation } from "../format/operation.ts";
import { encodeSeal, sealMessage, writeSealSignature } from "../format/seal.ts";
import {
  encodeSlotTable,
  type SlotDescriptor,
  slotDescriptorId,
} from "../format/slot_descriptor.ts";
import { lifecycleByte } from "../format/slot_lifecycle.ts";
import { purposeByte } from "../format/slot_purpose.ts";
import { encodeTrailer } from "../format/trailer.ts";
import { collectBytes } from "../io/collect_bytes.ts";
import { SLOT_PLATFORMS } from "../manifest/build_plan.ts";
import type { BuiltSlot } from "./built_slot.ts";
import type { LauncherFacts } from "./inspect_launcher.ts";

/** The parts of a package that are not copied from somewhere. */
export interface SignedParts {
  /** Where everything goes. */
  readonly layout: Layout;
  /** The compressed metadata. */
  readonly metadata: Uint8Array;
  /** SHA-256 of the compressed metadata. */
  readonly metadataDigest: Uint8Array;
  /** The slot table. */
  readonly slotTable: Uint8Array;
  /** Start marker, index block and end marker. */
  readonly trailer: Uint8Array;
}

/** What gets signed. */
export interface SignPackageInit {
  /** The document. */
  readonly metadata: PackageMetadata;
  /** The slots as stored. */
  readonly slots: readonly BuiltSlot[];
  /** The launcher. */
  readonly launcher: LauncherFacts;
  /** Signs the document and the seal. */
  readonly keyPair: KeyPair;
  /** Unix time of the build in seconds. */
  readonly buildTimestamp: number;
}

/**
 * Encodes and signs everything around the slots. The metadata signature covers
 * the document, and with it the digest of every slot; the seal covers the rest.
 *
 * @param init The document, the slots and the key.
 * @returns The parts, ready to be written.
 * @throws {PspfError} `build/limit`
 */
export async function signPackage(
  init: SignPackageInit,
): Promise<SignedParts> {
  const { slots, launcher, keyPair } = init;
  const document = encodeMetadata(init.metadata);
  if (document.length > MAX_WRITTEN_METADATA_SIZE) {
    throw metadataTooLarge(document.length);
  }
  const metadata = await gzip(document);
  const metadataDigest = await sha256(metadata);
  const layout = computeLayout({
    launcher: launcher.size,
    metadata: metadata.length,
    slots: slots.map(({ size }) => size),
  });
  const slotTable = encodeSlotTable(
    await Promise.all(
      slots.map((slot, index) =>
        describe(slot, layout.slotOffsets[index] ?? 0)
      ),
    ),
  );
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
    buildTimestamp: init.buildTimestamp,
    seal: encodeSeal({
      launcherDigest: launcher.digest,
      slotTableDigest: await sha256(slotTable),
    }),
  });
  writeSealSignature(block, await sign(keyPair, sealMessage(block)));
  writeIndexChecksum(block);
  const trailer = encodeTrailer(block);
  return { layout, metadata, metadataDigest, slotTable, trailer };
}

async function describe(
  slot: BuiltSlot,
  offset: number,
): Promise<SlotDescriptor> {
  const { plan, index, permissions } = slot.opened;
  return {
    id: slotDescriptorId(index),
    nameHash: await shortHash(plan.id),
    offset: BigInt(offset),
    size: BigInt(slot.size),
    originalSize: BigInt(slot.originalSize),
    operations: slot.operations.encode(),
    checksum: shortHashOf(slot.digest),
    purpose: purposeByte(plan.purpose),
    lifecycle: lifecycleByte(plan.lifecycle),
    priority: plan.priority ?? DEFAULT_PRIORITY,
    platform: SLOT_PLATFORMS[plan.platform],
    permissions,
  };
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = ReadableStream.from([bytes])
    .pipeThrough(getCodec(Operation.GZIP).encode());
  return await collectBytes(stream, {
    maxSize: 2 * MAX_WRITTEN_METADATA_SIZE,
    what: "compressed metadata",
    code: "build/limit",
  });
}

function metadataTooLarge(actual: number): PspfError {
  return new PspfError(
    "build/limit",
    `Cannot build the package: its metadata has ${actual} bytes, the most is ${MAX_WRITTEN_METADATA_SIZE}`,
    {
      context: { actual, limit: MAX_WRITTEN_METADATA_SIZE },
      hint: "Put fewer slots or less custom data into one package",
    },
  );
}
