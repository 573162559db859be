/** Wrong magics, appended bytes, files that are too short. @module */

import { Buffer } from "node:buffer";
import { refuseAtOpen } from "../hostile_case.ts";
import type { HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";
import type { Sections } from "../package_draft.ts";

const NOT_A_PACKAGE = refuseAtOpen("format/not-a-package");

/** Cases about the 8,200 bytes at the end as a frame. */
export function trailerCases(): HostileCase[] {
  return [...markerCases(), ...appendedCases(), ...lengthCases()];
}

function fileCase(
  name: string,
  file: (file: Buffer, sections: Sections) => Uint8Array,
  expect = NOT_A_PACKAGE,
): HostileCase {
  const build: HostileCase["build"] = ({ launcher }) =>
    writePackage(launcher, { file });
  return { family: "trailer", name, expect, build };
}

function markerCases(): HostileCase[] {
  const cases: HostileCase[] = [];
  for (let byte = 0; byte < 4; byte++) {
    const flip =
      (at: (sections: Sections) => number) =>
      (file: Buffer, sections: Sections) => {
        file[at(sections) + byte] = (file[at(sections) + byte] ?? 0) ^ 0x01;
        return file;
      };
    cases.push(
      fileCase(
        `start marker byte ${byte} differs`,
        flip(({ trailer }) => trailer),
      ),
    );
    cases.push(
      fileCase(`end marker byte ${byte} differs`, flip(({ end }) => end - 4)),
    );
  }
  cases.push(fileCase("markers swapped", (file, { trailer, end }) => {
    const start = Buffer.from(file.subarray(trailer, trailer + 4));
    file.copy(file, trailer, end - 4, end);
    file.set(start, end - 4);
    return file;
  }));
  return cases;
}

function appendedCases(): HostileCase[] {
  const sizes = [1, 4, 512, 8199, 8200, 65_536, 1_000_000];
  const cases = sizes.map((size) =>
    fileCase(
      `${size} zeros appended`,
      (file) => Buffer.concat([file, Buffer.alloc(size)]),
    )
  );
  const twice = refuseAtOpen("format/bad-size");
  cases.push(
    fileCase("a second trailer appended", (file, { trailer }) => {
      return Buffer.concat([file, file.subarray(trailer)]);
    }, twice),
    fileCase(
      "a whole package appended",
      (file) => Buffer.concat([file, file]),
      twice,
    ),
    fileCase("one byte removed before the trailer", (file, { trailer }) => {
      return Buffer.concat([
        file.subarray(0, trailer - 1),
        file.subarray(trailer),
      ]);
    }, twice),
  );
  return cases;
}

function lengthCases(): HostileCase[] {
  return [
    fileCase(
      "only the launcher",
      (file, { metadata }) => file.subarray(0, metadata),
    ),
    fileCase("no index block", (file, { trailer, end }) => {
      return Buffer.concat([
        file.subarray(0, trailer + 4),
        file.subarray(end - 4),
      ]);
    }),
    fileCase("index block of zeros", (file, { trailer, end }) => {
      return file.fill(0, trailer + 4, end - 4);
    }, refuseAtOpen("format/bad-checksum")),
  ];
}
