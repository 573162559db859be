import { sha256 } from "@flavor/pspf/crypto";
import { assertEquals, assertThrows } from "@std/assert";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import {
  clearRewritten,
  examineExecutable,
  EXECUTABLE_HEADER_SIZE,
  findSignature,
  isLinkedit,
  machoCommands,
  packageEnd,
} from "../../lib/format/platform_signature.ts";
import vectors from "../vectors/platform_signatures.json" with { type: "json" };
import { throwsCode } from "../support/throws_code.ts";

for (const vector of vectors.cases) {
  Deno.test(`platform signature: ${vector.name}`, async () => {
    const head = decodeHex(vector.head);
    if (vector.error === "launcher/wrong-format") {
      throwsCode(vector.error, () => examineExecutable(head));
      return;
    }
    const found = examineExecutable(head);
    assertEquals(found?.kind, vector.kind ?? undefined);
    if (found === undefined) return;
    assertEquals(
      found.rewritten.map(({ offset, size }) => [offset, size]),
      vector.rewritten,
    );
    // In pieces, as a file is read.
    for (const size of [7, head.length]) {
      const cleared = head.slice();
      for (let at = 0; at < head.length; at += size) {
        clearRewritten(found, at, cleared.subarray(at, at + size));
      }
      assertEquals(encodeHex(await sha256(cleared)), vector.cleared_sha256);
    }
    const signature = findSignature(found, vector.file_size);
    assertEquals(
      signature && [signature.offset, signature.size],
      vector.signature ?? undefined,
    );
    if (signature === undefined || vector.before === undefined) return;
    assertEquals(
      packageEnd(found, signature, decodeHex(vector.before)),
      vector.package_end ?? undefined,
    );
  });
}

/** The start of a program for macOS with load commands of some lengths. */
function machoHead(
  sizes: readonly number[],
  end = sizes.reduce((sum, size) => sum + size, 0),
): DataView {
  const view = new DataView(new ArrayBuffer(32 + end));
  view.setUint32(16, sizes.length, true);
  view.setUint32(20, end, true);
  let at = 32;
  for (const size of sizes) {
    if (at + 8 > view.byteLength) break;
    view.setUint32(at, 0x2a, true);
    view.setUint32(at + 4, size, true);
    at += size;
  }
  return view;
}

Deno.test("machoCommands() lists commands from 8 bytes on", () => {
  assertEquals(machoCommands(machoHead([8, 24])), [
    { at: 32, kind: 0x2a, size: 8 },
    { at: 40, kind: 0x2a, size: 24 },
  ]);
  assertEquals(machoCommands(machoHead([])), []);
});

Deno.test("machoCommands() refuses commands that are no whole number of words, or cut off", () => {
  for (
    const view of [
      machoHead([0], 16),
      machoHead([4], 16),
      machoHead([12], 16),
      machoHead([8, 24], 24),
      new DataView(machoHead([8, 8]).buffer, 0, 47),
    ]
  ) {
    assertThrows(() => machoCommands(view), RangeError);
  }
});

Deno.test("isLinkedit() knows the segment by its kind, length and whole name", () => {
  const view = new DataView(new ArrayBuffer(128));
  const name = "__LINKEDIT";
  for (let i = 0; i < name.length; i++) {
    view.setUint8(16 + i, name.charCodeAt(i));
  }
  assertEquals(isLinkedit(view, 8, 0x19, 72), true);
  assertEquals(isLinkedit(view, 8, 0x19, 64), false);
  assertEquals(isLinkedit(view, 8, 0x1a, 72), false);
  view.setUint8(31, 1);
  assertEquals(isLinkedit(view, 8, 0x19, 72), false);
});

Deno.test("a universal program is known by its first four bytes", () => {
  for (const magic of ["cafebabe", "cafebabf", "bebafeca", "bfbafeca"]) {
    throwsCode(
      "launcher/wrong-format",
      () => examineExecutable(decodeHex(magic)),
    );
  }
  assertEquals(examineExecutable(decodeHex("cafeba")), undefined);
});

Deno.test("a program for Windows without a place for its signature has none", () => {
  const vector = vectors.cases.find(({ kind }) => kind === "pe");
  const head = decodeHex(vector?.head ?? "");
  const view = new DataView(head.buffer);
  // Number of the entries in front of the data directory of 64-bit programs.
  const at = view.getUint32(0x3c, true) + 24 + 108;
  const kindFor = (count: number): string | undefined => {
    view.setUint32(at, count, true);
    return examineExecutable(head)?.kind;
  };
  assertEquals([4, 5, 16, 2 ** 31].map(kindFor), [
    undefined,
    "pe",
    "pe",
    "pe",
  ]);
});

Deno.test("a header that lies in a longer piece of memory ends where it ends", () => {
  const vector = vectors.cases.find(({ kind }) => kind === "pe");
  const head = decodeHex(vector?.head ?? "");
  const around = new Uint8Array(3 * head.length);
  around.set(head, 99);
  const part = around.subarray(99, 99 + head.length);
  assertEquals(examineExecutable(part)?.kind, "pe");
  const short = part.subarray(0, vector?.rewritten.at(-1)?.[0]);
  assertEquals(examineExecutable(short), undefined);
});

Deno.test("findSignature() takes what ends with the file, of one byte or more", () => {
  const find = (size: number): unknown => {
    const signature = { offset: 800, size };
    return findSignature(
      { kind: "pe", rewritten: [], signature, lastSegment: undefined },
      800 + size,
    );
  };
  assertEquals(find(0), undefined);
  assertEquals(find(1), { offset: 800, size: 1 });
  assertEquals(EXECUTABLE_HEADER_SIZE, 65_536);
});
