/** The end of a package, and the numbers in its index block. */

import { BytesSource, type RandomAccessSource } from "@flavor/pspf/io";
import { PSPFReader, type VerifyLevel, verifyPackage } from "@flavor/pspf/read";
import { assert, assertEquals } from "@std/assert";
import {
  goIndexChecksum,
  type IndexBlockInit,
  writeIndexChecksum,
} from "../../lib/format/index_block.ts";
import { parseVerifyLevel } from "../../lib/read/check_log.ts";
import { openPackage } from "../../lib/read/open_package.ts";
import { makeSealedPackage } from "../support/sealed_package.ts";
import { rejectsCode, throwsCode } from "../support/throws_code.ts";

Deno.test("level none is the only one that warns of itself", async () => {
  const bytes = await makeSealedPackage();
  for (const level of ["strict", "standard", "relaxed", "minimal", "none"]) {
    const { checks } = await openPackage(new BytesSource(bytes), {
      level: level as VerifyLevel,
    });
    assertEquals(
      checks.filter(({ id }) => id === "level").map(({ status }) => status),
      level === "none" ? ["warn"] : [],
    );
  }
});

Deno.test("parseVerifyLevel() reads a word in any case and names the known ones", () => {
  assertEquals(parseVerifyLevel(" Strict\n"), "strict");
  const error = throwsCode("usage/bad-argument", () => parseVerifyLevel("all"));
  assertEquals(
    error.hint,
    "Use one of strict, standard, relaxed, minimal, none",
  );
});

Deno.test("a file that is too short for a package is told from one that is none", async () => {
  const open = (size: number): Promise<unknown> =>
    PSPFReader.open(new Uint8Array(size));
  const short = await rejectsCode("format/not-a-package", () => open(8199));
  assertEquals(short.context["expected"], 8200);
  assertEquals(short.context["actual"], 8199);
  const other = await rejectsCode("format/not-a-package", () => open(8200));
  assertEquals(other.context["offset"], 0);
  assertEquals(other.hint, "Check that the file is complete and is a package");
});

Deno.test("what was appended to a package is counted up to 64 KiB", async () => {
  const file = await makeSealedPackage();
  const problemWith = async (
    count: number,
  ): Promise<readonly [unknown, string | undefined]> => {
    const longer = new Uint8Array(file.length + count);
    longer.set(file);
    const { context, hint } = await rejectsCode(
      "format/not-a-package",
      () => PSPFReader.open(longer),
    );
    return [context["appended"], hint];
  };
  assertEquals(await problemWith(1), [
    1,
    "1 byte was appended to the package; cut it off",
  ]);
  assertEquals(await problemWith(65_536), [
    65_536,
    "65536 bytes were appended to the package; cut them off",
  ]);
  assertEquals(await problemWith(65_537), [
    undefined,
    "Check that the file is complete and is a package",
  ]);
});

/** A package without slots behind so many zeros, which its launcher begins with. */
async function farBehind(
  zeros: number,
  editBlock: (block: Uint8Array) => void,
): Promise<RandomAccessSource> {
  const bytes = await makeSealedPackage({
    isSealed: false,
    editIndex: (init: IndexBlockInit) => ({
      ...init,
      packageSize: init.packageSize + zeros,
      launcherSize: init.launcherSize + zeros,
      metadataOffset: init.metadataOffset + zeros,
      slotTableOffset: init.slotTableOffset + zeros,
    }),
  });
  const start = bytes.length - 8200 + 4;
  editBlock(bytes.subarray(start, start + 8192));
  const inner = new BytesSource(bytes);
  return {
    name: "far",
    size: bytes.length + zeros,
    endSize: bytes.length,
    read: (offset, length) => inner.read(Math.max(0, offset - zeros), length),
    stream: (offset, length) => inner.stream(offset - zeros, length),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

Deno.test("the Go builder's checksum is taken from 4 GiB on, with a warning", async () => {
  const { length } = await makeSealedPackage();
  const toGo = (block: Uint8Array): void =>
    new DataView(block.buffer, block.byteOffset)
      .setUint32(4, goIndexChecksum(block), true);
  const statuses = async (
    source: RandomAccessSource,
  ): Promise<readonly string[]> => {
    const { checks } = await openPackage(source);
    return checks.filter(({ id }) => id === "index-checksum")
      .map(({ status }) => status);
  };
  const exact = 2 ** 32 - length;
  assertEquals(await statuses(await farBehind(exact, toGo)), ["pass", "warn"]);
  assertEquals(await statuses(await farBehind(exact, () => {})), ["pass"]);
  const error = await rejectsCode(
    "format/bad-checksum",
    async () =>
      await openPackage(
        await farBehind(exact, (block) => block.fill(0, 4, 8)),
      ),
  );
  assertEquals(
    error.context["offset"],
    2 ** 32 - 8200 + 4,
  );
  // Below, that half of the size has to be zero.
  const small = await farBehind(exact - 1, (block) => {
    toGo(block);
    block[12] = 1;
  });
  await rejectsCode("format/bad-checksum", () => openPackage(small));
});

Deno.test("numbers of the index block that are too large are named with the limit", async () => {
  const messageWith = async (
    edit: (view: DataView) => void,
  ): Promise<string | undefined> => {
    const file = await makeSealedPackage();
    const start = file.length - 8200 + 4;
    const block = file.subarray(start, start + 8192);
    edit(new DataView(block.buffer, block.byteOffset));
    writeIndexChecksum(block);
    const { checks } = await verifyPackage(file);
    return checks.find(({ status }) => status === "fail")?.detail;
  };
  assertEquals(
    await messageWith((view) => view.setUint32(56, 65_536, true)),
    "Cannot use slot count 65536: the limit is 65535",
  );
  assertEquals(
    await messageWith((view) => view.setUint32(56, 65_535, true)),
    "Cannot use the slot table: its size is 0, expected 4194240 for 65535 slots",
  );
  assertEquals(
    await messageWith((view) => view.setUint32(0, 0x0525_0001, true)),
    "Cannot read format version 0x05250001: only 0x20250001 is known",
  );
});

Deno.test("where an empty slot table stands does not matter", async () => {
  const bytes = await makeSealedPackage({
    editIndex: (init) => ({ ...init, slotTableOffset: 2 ** 50 }),
  });
  const { index } = await openPackage(new BytesSource(bytes));
  assertEquals(index.slotTable, { offset: 0, size: 0 });
});

Deno.test("a slot ends where the trailer begins at the latest", async () => {
  const slots = [{ id: "a", stored: new Uint8Array(9) }];
  const open = async (more: bigint): Promise<number> => {
    await using plain = await PSPFReader.open(
      await makeSealedPackage({ slots }),
    );
    const { index } = plain.package;
    const room = BigInt(index.trailerOffset - plain.slot(0).offset);
    await using reader = await PSPFReader.open(
      await makeSealedPackage({
        slots,
        isSealed: false,
        editDescriptor: (slot) => ({ ...slot, size: room + more }),
      }),
    );
    return reader.slot(0).size;
  };
  assert(await open(0n) > 9);
  await rejectsCode("format/bad-range", () => open(1n));
});
