/** Encoding the inputs of the golden packages gives their exact bytes. */

import {
  encodeIndexBlock,
  type IndexBlockInit,
  writeIndexChecksum,
} from "../../lib/format/index_block.ts";
import { encodeMetadata } from "../../lib/format/metadata_document.ts";
import { encodeSeal, writeSealSignature } from "../../lib/format/seal.ts";
import {
  encodeSlotDescriptor,
  encodeSlotTable,
  slotDescriptorId,
} from "../../lib/format/slot_descriptor.ts";
import { encodeTrailer } from "../../lib/format/trailer.ts";
import type { Layout } from "../../lib/format/layout.ts";
import {
  lifecycleByte,
  parsePermissions,
  purposeByte,
} from "../../lib/format/slot_words.ts";
import {
  Operation,
  OperationChain,
  type OperationCode,
  parseIndexBlock,
  parseMetadata,
  parseSeal,
  parseSlotDescriptor,
  parseSlotTable,
  parseTrailer,
  sealMessage,
  type SlotDescriptor,
} from "@flavor/pspf/format";
import { keyPairFromSeed, sha256, sign, verify } from "@flavor/pspf/crypto";
import { shortHash, shortHashOf } from "../../lib/crypto/sha256.ts";
import { alignUp } from "../../lib/bytes/u64.ts";
import { assert, assertEquals } from "@std/assert";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import golden from "../vectors/golden.json" with { type: "json" };
import sealed from "../vectors/sealed.json" with { type: "json" };
import vectors from "../vectors/vectors.json" with { type: "json" };
import { readVector } from "../support/vectors.ts";

const LAUNCHER = decodeHex(golden.launcher_hex);
const METADATA = decodeHex(golden.metadata_gz_hex);
const STORED = golden.slots_stored_hex.map(decodeHex);
/** The slot names and lengths that the golden vector was made of. */
const ORIGINAL_SIZES = [29, 24, 10_240];

function isOperation(code: number): code is OperationCode {
  return code !== Operation.NONE &&
    Object.values<number>(Operation).includes(code);
}

async function describeSlots(
  offsets: readonly number[],
): Promise<readonly SlotDescriptor[]> {
  const { slots } = parseMetadata(
    new TextEncoder().encode(golden.metadata_json),
  );
  return await Promise.all(slots.map(async (slot, index) => {
    const stored = STORED[index] ?? new Uint8Array();
    return {
      id: slotDescriptorId(index),
      nameHash: await shortHash(slot.id),
      offset: BigInt(offsets[index] ?? 0),
      size: BigInt(stored.length),
      originalSize: BigInt(ORIGINAL_SIZES[index] ?? 0),
      operations: OperationChain.parse(slot.operations).encode(),
      checksum: shortHashOf(await sha256(stored)),
      purpose: purposeByte(slot.purpose),
      lifecycle: lifecycleByte(slot.lifecycle),
      // The golden packages were made before 128 became the documented default.
      priority:
        parseSlotDescriptor(decodeHex(golden.descriptors_hex[index] ?? ""))
          .priority,
      platform: 0,
      permissions: parsePermissions(slot.permissions ?? ""),
    };
  }));
}

/** The order of these packages: metadata, table, slots. */
function layOut(): Layout {
  const metadataOffset = LAUNCHER.length;
  const slotTableOffset = alignUp(metadataOffset + METADATA.length, 8);
  let end = slotTableOffset + STORED.length * 64;
  const slotOffsets = STORED.map(({ length }) => {
    const offset = alignUp(end, 8);
    end = offset + length;
    return offset;
  });
  const packageSize = end + 8200;
  return {
    slotOffsets,
    metadataOffset,
    slotTableOffset,
    trailerOffset: end,
    packageSize,
  };
}

async function assemble(
  options: { readonly tailMarker: boolean; readonly seal: boolean },
): Promise<Uint8Array> {
  const layout = layOut();
  const table = encodeSlotTable(await describeSlots(layout.slotOffsets));
  const pair = await keyPairFromSeed(golden.seed);
  const json = new TextEncoder().encode(golden.metadata_json);
  const init: IndexBlockInit = {
    packageSize: layout.packageSize,
    launcherSize: LAUNCHER.length,
    metadataOffset: layout.metadataOffset,
    metadataSize: METADATA.length,
    slotTableOffset: layout.slotTableOffset,
    slotCount: STORED.length,
    publicKey: pair.publicKey,
    metadataDigest: await sha256(METADATA),
    signature: await sign(pair, json),
    tailMarker: options.tailMarker,
  };
  let block = encodeIndexBlock(init);
  if (options.seal) {
    const seal = encodeSeal({
      launcherDigest: await sha256(LAUNCHER),
      slotTableDigest: await sha256(table),
    });
    block = encodeIndexBlock({ ...init, seal });
    writeSealSignature(block, await sign(pair, sealMessage(block)));
    writeIndexChecksum(block);
  }
  const file = new Uint8Array(layout.packageSize);
  file.set(LAUNCHER);
  file.set(METADATA, layout.metadataOffset);
  file.set(table, layout.slotTableOffset);
  STORED.forEach((stored, index) =>
    file.set(stored, layout.slotOffsets[index])
  );
  file.set(encodeTrailer(block), layout.trailerOffset);
  return file;
}

Deno.test("encoding the golden inputs gives golden.psp", async () => {
  assertEquals(
    await assemble({ tailMarker: false, seal: false }),
    await readVector("golden.psp"),
  );
});

Deno.test("encoding the golden inputs gives golden-marker.psp", async () => {
  assertEquals(
    await assemble({ tailMarker: true, seal: false }),
    await readVector("golden-marker.psp"),
  );
});

Deno.test("encoding the golden inputs gives sealed.psp", async () => {
  assertEquals(
    await assemble({ tailMarker: true, seal: true }),
    await readVector("sealed.psp"),
  );
});

Deno.test("encodeMetadata() reproduces the golden document", {
  permissions: "none",
}, () => {
  const json = new TextEncoder().encode(golden.metadata_json);
  assertEquals(
    new TextDecoder().decode(encodeMetadata(parseMetadata(json))),
    golden.metadata_json,
  );
});

Deno.test("parseSeal() and sealMessage() agree with the sealed vector", async () => {
  const block = parseTrailer((await readVector("sealed.psp")).subarray(-8200));
  const seal = parseSeal(block);
  assert(seal !== undefined);
  assertEquals(encodeHex(seal.launcherDigest), sealed.launcher_sha256);
  assertEquals(encodeHex(seal.slotTableDigest), sealed.slot_table_sha256);
  assertEquals(encodeHex(seal.signature), sealed.seal_signature);
  const message = sealMessage(block);
  assertEquals(encodeHex(await sha256(message)), sealed.seal_message_sha256);
  assert(
    await verify(parseIndexBlock(block).publicKey, seal.signature, message),
  );
});

Deno.test("OperationChain agrees with the vectors", {
  permissions: "none",
}, () => {
  for (const { ops, packed } of vectors.packing) {
    const known = ops.filter(isOperation);
    if (known.length < ops.length) continue;
    assertEquals(new OperationChain(known).encode(), BigInt(`0x${packed}`));
    assertEquals([...OperationChain.decode(BigInt(`0x${packed}`))], known);
  }
});

Deno.test(
  "parseSlotDescriptor() and encodeSlotDescriptor() agree with the vectors",
  {
    permissions: "none",
  },
  () => {
    for (const vector of vectors.descriptors) {
      const bytes = decodeHex(vector.corrected_hex);
      const slot = parseSlotDescriptor(bytes);
      assertEquals(encodeSlotDescriptor(slot), bytes, vector.name);
      assertEquals(slot.id, BigInt(vector.id));
      assertEquals(slot.offset, BigInt(vector.offset));
      assertEquals(slot.size, BigInt(vector.size));
      assertEquals(slot.originalSize, BigInt(vector.original_size));
      assertEquals(slot.operations, BigInt(`0x${vector.operations}`));
      assertEquals(slot.checksum, BigInt(`0x${vector.checksum}`));
      assertEquals(slot.purpose, vector.purpose);
      assertEquals(slot.lifecycle, vector.lifecycle);
      assertEquals(slot.permissions, vector.permissions);
    }
  },
);

Deno.test(
  "parseSlotTable() reads the golden table",
  { permissions: "none" },
  () => {
    const table = decodeHex(golden.descriptors_hex.join(""));
    const slots = parseSlotTable(table);
    assertEquals(slots.map((slot) => slot.offset), [1040n, 1072n, 1120n]);
    assertEquals(encodeSlotTable(slots), table);
  },
);
