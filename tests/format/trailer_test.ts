/** The end of every package. */

import { findAppendedBytes, parseTrailer } from "@flavor/pspf/format";
import { assertEquals, assertThrows } from "@std/assert";
import { encodeTrailer, isTrailer } from "../../lib/format/trailer.ts";
import { throwsCode } from "../support/throws_code.ts";

const BLOCK = new Uint8Array(8192).map((_, at) => at % 251);
const TRAILER = encodeTrailer(BLOCK);

/** A trailer at some place of a longer piece. */
function around(before: number, after: number): Uint8Array {
  const bytes = new Uint8Array(before + TRAILER.length + after);
  bytes.set(TRAILER, before);
  return bytes;
}

Deno.test("a trailer is an index block between two markers", () => {
  assertEquals([...TRAILER.subarray(0, 4)], [0xf0, 0x9f, 0x93, 0xa6]);
  assertEquals([...TRAILER.subarray(8196)], [0xf0, 0x9f, 0xaa, 0x84]);
  const piece = around(3, 5).subarray(3, 3 + 8200);
  assertEquals(isTrailer(piece), true);
  assertEquals(parseTrailer(piece), BLOCK);
  for (const size of [8191, 8193]) {
    assertThrows(() => encodeTrailer(new Uint8Array(size)), RangeError);
  }
});

Deno.test("what lacks a marker or has another length is no trailer", () => {
  const problemWith = (bytes: Uint8Array): string => {
    assertEquals(isTrailer(bytes), false);
    const error = throwsCode("format/not-a-package", () => parseTrailer(bytes));
    return error.message.replace("Cannot find a PSPF/2025 package: ", "");
  };
  for (let at = 0; at < 4; at++) {
    const start = TRAILER.slice();
    start[at] = 0;
    assertEquals(problemWith(start), "the start marker is missing");
    const end = TRAILER.slice();
    end[8196 + at] = 0;
    assertEquals(problemWith(end), "the end marker is missing");
  }
  assertEquals(problemWith(around(0, 1)), "8201 bytes, expected 8200");
  assertEquals(problemWith(around(1, 0)), "8201 bytes, expected 8200");
  assertEquals(problemWith(new Uint8Array()), "0 bytes, expected 8200");
});

Deno.test("findAppendedBytes() finds the last trailer of a piece", () => {
  assertEquals(findAppendedBytes(TRAILER), 0);
  assertEquals(findAppendedBytes(around(0, 3)), 3);
  assertEquals(findAppendedBytes(around(7, 9)), 9);
  const two = new Uint8Array([...around(1, 2), ...around(3, 4)]);
  assertEquals(findAppendedBytes(two), 4);
  assertEquals(findAppendedBytes(TRAILER.subarray(1)), undefined);
  assertEquals(findAppendedBytes(new Uint8Array(9000)), undefined);
});
