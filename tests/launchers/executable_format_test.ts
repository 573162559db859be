import { assertEquals } from "@std/assert";

import { detectPlatforms } from "../../lib/launchers/executable_format.ts";
import { platformName } from "../../lib/launchers/platform.ts";

const PERMISSIONS = { permissions: "none" } as const;

/** The first bytes of a program, by offset. */
function program(
  parts: Readonly<Record<number, readonly number[]>>,
  size = 512,
): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const [at, part] of Object.entries(parts)) bytes.set(part, Number(at));
  return bytes;
}

const ELF = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0];
const PE = { 0: [0x4d, 0x5a], 0x3c: [0x80, 0, 0, 0], 0x80: [0x50, 0x45, 0, 0] };

const CASES: readonly (readonly [string, Uint8Array, readonly string[]])[] = [
  ["ELF for amd64", program({ 0: ELF, 18: [62] }), ["linux_amd64"]],
  ["ELF for arm64", program({ 0: ELF, 18: [183] }), ["linux_arm64"]],
  ["ELF with the Linux ABI", program({ 0: ELF, 7: [3], 18: [62] }), [
    "linux_amd64",
  ]],
  ["ELF for FreeBSD", program({ 0: ELF, 7: [9], 18: [62] }), []],
  ["ELF for RISC-V", program({ 0: ELF, 18: [243] }), []],
  ["ELF of 32 bits", program({ 0: ELF, 4: [1], 18: [62] }), []],
  [
    "Mach-O for amd64",
    program({ 0: [0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1] }),
    ["darwin_amd64"],
  ],
  [
    "Mach-O for arm64",
    program({ 0: [0xcf, 0xfa, 0xed, 0xfe, 12, 0, 0, 1] }),
    ["darwin_arm64"],
  ],
  [
    "universal Mach-O",
    program({
      0: [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2],
      8: [1, 0, 0, 7],
      28: [1, 0, 0, 12],
    }),
    ["darwin_amd64", "darwin_arm64"],
  ],
  [
    "universal Mach-O with a count that cannot be",
    program({ 0: [0xca, 0xfe, 0xba, 0xbe, 255, 255, 255, 255] }),
    [],
  ],
  ["PE for amd64", program({ ...PE, 0x84: [0x64, 0x86] }), ["windows_amd64"]],
  ["PE for arm64", program({ ...PE, 0x84: [0x64, 0xaa] }), ["windows_arm64"]],
  ["PE for 32 bits", program({ ...PE, 0x84: [0x4c, 0x01] }), []],
  [
    "DOS program whose PE header lies outside",
    program({ 0: [0x4d, 0x5a], 0x3c: [0xff, 0xff, 0xff, 0xff] }),
    [],
  ],
  ["script", new TextEncoder().encode(`#!/bin/sh\n${"#".repeat(100)}`), []],
  ["empty file", new Uint8Array(), []],
  ["ELF that ends early", program({ 0: ELF }, 16), []],
];

for (const [name, bytes, expected] of CASES) {
  Deno.test(
    `detectPlatforms() tells ${
      expected.join(" and ") || "nothing"
    } from: ${name}`,
    PERMISSIONS,
    () => {
      assertEquals(detectPlatforms(bytes).map(platformName), expected);
    },
  );
}
