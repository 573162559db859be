/** Where each field of the index block stands. */

import { assertEquals, assertThrows } from "@std/assert";
import { parseIndexBlock } from "@flavor/pspf/format";
import {
  encodeIndexBlock,
  goIndexChecksum,
  type IndexBlockInit,
  indexChecksum,
  writeIndexKey,
} from "../../lib/format/index_block.ts";

const filled = (size: number, value: number): Uint8Array =>
  new Uint8Array(size).fill(value);

const INIT: IndexBlockInit = {
  packageSize: 2 ** 40 + 1,
  launcherSize: 2,
  metadataOffset: 3,
  metadataSize: 4,
  slotTableOffset: 5,
  slotCount: 6,
  publicKey: filled(32, 7),
  metadataDigest: filled(32, 8),
  signature: filled(64, 9),
  buildTimestamp: 1_700_000_000,
};

Deno.test("parseIndexBlock() reads back what encodeIndexBlock() wrote", () => {
  const block = encodeIndexBlock(INIT);
  assertEquals(parseIndexBlock(block), {
    formatVersion: 0x2025_0001,
    checksum: indexChecksum(block),
    packageSize: 2n ** 40n + 1n,
    launcherSize: 2n,
    metadataOffset: 3n,
    metadataSize: 4n,
    slotTableOffset: 5n,
    slotTableSize: 6n * 64n,
    slotCount: 6,
    flags: 0,
    publicKey: filled(32, 7),
    metadataDigest: filled(32, 8),
    signature: filled(64, 9),
    capabilities: 0x81n,
    buildTimestamp: 1_700_000_000n,
  });
});

Deno.test("parseIndexBlock() finds what is seldom set in its place", () => {
  const block = new Uint8Array(8192);
  const view = new DataView(block.buffer);
  view.setUint32(60, 0x0102_0304, true);
  view.setBigUint64(704, 5n << 40n, true);
  view.setBigUint64(832, 6n << 40n, true);
  const { flags, buildTimestamp, capabilities } = parseIndexBlock(block);
  assertEquals(flags, 0x0102_0304);
  assertEquals([buildTimestamp, capabilities], [5n << 40n, 6n << 40n]);
});

Deno.test("an index block ends in the start marker unless it is left out", () => {
  const tailOf = (tailMarker?: boolean): number[] => [
    ...encodeIndexBlock({
      ...INIT,
      ...(tailMarker !== undefined && { tailMarker }),
    })
      .subarray(-4),
  ];
  assertEquals(tailOf(), [0xf0, 0x9f, 0x93, 0xa6]);
  assertEquals(tailOf(true), tailOf());
  assertEquals(tailOf(false), [0, 0, 0, 0]);
});

Deno.test("a key or a block of the wrong length is refused", () => {
  for (const size of [31, 33]) {
    assertThrows(
      () => encodeIndexBlock({ ...INIT, publicKey: filled(size, 7) }),
      RangeError,
      `${size} bytes, expected 32`,
    );
  }
  for (const size of [8191, 8193]) {
    assertThrows(() => parseIndexBlock(filled(size, 0)), RangeError, "8192");
  }
});

Deno.test("the Go builder's checksum differs from 4 GiB on", () => {
  const small = encodeIndexBlock({ ...INIT, packageSize: 2 ** 32 - 1 });
  assertEquals(goIndexChecksum(small), indexChecksum(small));
  const large = encodeIndexBlock({ ...INIT, packageSize: 3 * 2 ** 32 + 9 });
  const least = encodeIndexBlock({ ...INIT, packageSize: 9 });
  assertEquals(goIndexChecksum(large), indexChecksum(least));
});

Deno.test("writeIndexKey() changes key and signature, nothing else", () => {
  const block = encodeIndexBlock(INIT);
  writeIndexKey(block, filled(32, 1), filled(64, 2));
  const { publicKey, signature, ...others } = parseIndexBlock(block);
  assertEquals([publicKey, signature], [filled(32, 1), filled(64, 2)]);
  const { publicKey: _, signature: __, ...before } = parseIndexBlock(
    encodeIndexBlock(INIT),
  );
  assertEquals(others, before);
});
