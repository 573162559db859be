/** The metadata stream and its JSON, damaged, huge, deep, ambiguous. @module */

import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { ACCEPT, AGREE, refuseAtOpen } from "../hostile_case.ts";
import type { Expectation, HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";
import type { PackageDraft } from "../package_draft.ts";

const BAD = refuseAtOpen("format/bad-metadata");
const TOO_LARGE = refuseAtOpen("format/too-large");
const MEBIBYTE = 1024 * 1024;

/** Cases about the stored stream and the text in it. */
export function metadataCases(): HostileCase[] {
  return [
    ...streamCases(),
    ...sizeCases(),
    ...depthCases(),
    ...duplicateCases(),
    ...textCases(),
  ];
}

function metadataCase(
  name: string,
  expect: Expectation,
  draft: PackageDraft,
): HostileCase {
  const build: HostileCase["build"] = ({ launcher }) =>
    writePackage(launcher, draft);
  return { family: "metadata", name, expect, build };
}

function streamCases(): HostileCase[] {
  const stream = (
    name: string,
    expect: Expectation,
    change: (gz: Buffer, json: Uint8Array) => Uint8Array,
  ) =>
    metadataCase(name, expect, {
      metadata: (json) => change(gzipSync(json), json),
    });
  const cases = [
    stream("stored without gzip", BAD, (_, json) => json),
    stream("empty", BAD, () => Buffer.alloc(0)),
    stream(
      "garbage after the stream",
      BAD,
      (gz) => Buffer.concat([gz, Buffer.from("garbage")]),
    ),
    stream(
      "zeros after the stream",
      AGREE,
      (gz) => Buffer.concat([gz, Buffer.alloc(16)]),
    ),
    stream(
      "empty second member",
      ACCEPT,
      (gz) => Buffer.concat([gz, gzipSync("")]),
    ),
    stream(
      "text split over two members",
      ACCEPT,
      (_, json) =>
        Buffer.concat([
          gzipSync(json.subarray(0, 50)),
          gzipSync(json.subarray(50)),
        ]),
    ),
    stream(
      "second member with another document",
      refuseAtOpen("verify/signature"),
      (gz) => Buffer.concat([gz, gz]),
    ),
    stream(
      "second member cut off",
      BAD,
      (gz) => Buffer.concat([gz, gz.subarray(0, 40)]),
    ),
    stream(
      "second member that is no gzip",
      BAD,
      (gz) => Buffer.concat([gz, Buffer.from("1f8c")]),
    ),
    stream("CRC is wrong", BAD, (gz) => flip(gz, gz.length - 8)),
    stream("length field is wrong", BAD, (gz) => flip(gz, gz.length - 4)),
    stream("compression method is 7", BAD, (gz) => setByte(gz, 2, 7)),
    stream("reserved gzip flags are set", BAD, (gz) => setByte(gz, 3, 0xe0)),
    stream(
      "header says that a name follows",
      BAD,
      (gz) => setByte(gz, 3, 0x08),
    ),
    stream("header with an extra field", ACCEPT, (gz) => {
      const header = setByte(gz.subarray(0, 10), 3, 0x04);
      return Buffer.concat([
        header,
        Buffer.from([2, 0, 1, 2]),
        gz.subarray(10),
      ]);
    }),
  ];
  for (const length of [1, 2, 3, 9, 10, 11, 18, 100, 200]) {
    cases.push(
      stream(
        `cut off after ${length} bytes`,
        BAD,
        (gz) => gz.subarray(0, length),
      ),
    );
  }
  for (const missing of [1, 4, 7, 8, 9]) {
    cases.push(
      stream(
        `last ${missing} bytes missing`,
        BAD,
        (gz) => gz.subarray(0, -missing),
      ),
    );
  }
  return cases;
}

function sizeCases(): HostileCase[] {
  const padded = (size: number) => (json: string): string =>
    json.padEnd(size, " ");
  const heavy = [
    metadataCase("text of 10 MiB", ACCEPT, { json: padded(10 * MEBIBYTE) }),
    metadataCase("text of exactly 16 MiB", ACCEPT, {
      json: padded(16 * MEBIBYTE),
    }),
    metadataCase("text of 16 MiB and one byte", TOO_LARGE, {
      json: padded(16 * MEBIBYTE + 1),
    }),
    metadataCase("stored stream of 16 MiB and one byte", TOO_LARGE, {
      metadata: () => Buffer.alloc(16 * MEBIBYTE + 1),
    }),
    metadataCase("gzip bomb of 1 GiB", TOO_LARGE, {
      metadata: (json) => gzipBomb(json),
    }),
    metadataCase("string of 10 MiB", ACCEPT, {
      document: (document) =>
        document["custom"] = { text: "x".repeat(10 * MEBIBYTE) },
    }),
    metadataCase("200,000 keys", ACCEPT, {
      document: (document) =>
        document["custom"] = Object.fromEntries(
          Array.from({ length: 200_000 }, (_, at) => [`k${at}`, 0]),
        ),
    }),
    metadataCase("a million empty arrays", ACCEPT, {
      json: (json) =>
        json.replace(/}$/, `,"custom":{"x":[${"[],".repeat(1_000_000)}[]]}}`),
    }),
  ];
  return heavy.map((each) => ({ ...each, heavy: true }));
}

function gzipBomb(json: Uint8Array): Buffer {
  const spaces = gzipSync(Buffer.alloc(16 * MEBIBYTE, " "), { level: 9 });
  return Buffer.concat([gzipSync(json), ...Array<Buffer>(64).fill(spaces)]);
}

function depthCases(): HostileCase[] {
  const nested = (depth: number, open: string, close: string): string =>
    `"custom":{"deep":${open.repeat(depth - 2)}0${close.repeat(depth - 2)}}`;
  const at = (
    depth: number,
    open: string,
    close: string,
    expect: Expectation,
  ) =>
    metadataCase(`${depth} levels of ${open}`, expect, {
      json: (json) => json.replace(/}$/, `,${nested(depth, open, close)}}`),
    });
  return [["[", "]"], ['{"a":', "}"]].flatMap(([open = "", close = ""]) => [
    at(64, open, close, ACCEPT),
    at(65, open, close, BAD),
    at(1000, open, close, BAD),
    at(100_000, open, close, BAD),
    at(2_000_000, open, close, BAD),
    metadataCase(`2,000,000 of ${open} that never end`, BAD, {
      json: () => open.repeat(2_000_000),
    }),
  ]);
}

function duplicateCases(): HostileCase[] {
  const twice = (name: string, find: string, insert: string): HostileCase =>
    metadataCase(`${name} key twice`, BAD, {
      json: (json) => json.replace(find, insert + find),
    });
  return [
    twice("top-level", '"execution"', '"execution":{"command":"false"},'),
    twice(
      "escaped top-level",
      '"execution"',
      '"e\\u0078ecution":{"command":"false"},',
    ),
    twice("surrogate pair", '"format"', '"\\ud83d\\udce6":1,"\u{1f4e6}":1,'),
    twice("nested", '"command"', '"command":"false",'),
    twice("escaped nested", '"command"', '"comm\\u0061nd":"false",'),
    twice("slot", '"target"', '"target":"x",'),
    twice("solidus", '"format"', '"a/b":1,"a\\/b":1,'),
    twice("unknown", '"format"', '"x":1,"x":1,'),
    twice("deep unknown", '"format"', '"custom":{"a":[{"b":1,"b":2}]},'),
    twice("empty", '"format"', '"":1,"":1,'),
    twice("__proto__", '"format"', '"__proto__":1,"__proto__":1,'),
    metadataCase("keys that differ by case", ACCEPT, {
      json: (json) =>
        json.replace('"format"', '"Format":"x","FORMAT":"y","format"'),
    }),
    metadataCase("__proto__ with a command", AGREE, {
      json: (json) =>
        json.replace(
          '"format"',
          '"__proto__":{"execution":{"command":"false"}},"format"',
        ),
    }),
  ];
}

/** Texts in the place of the value of `custom.x`, and in the place of the document. */
function textCases(): HostileCase[] {
  const bad: Readonly<Record<string, string>> = {
    NaN: "NaN",
    Infinity: "Infinity",
    "a leading plus": "+1",
    "a leading zero": "01",
    "a leading point": ".5",
    "a trailing point": "5.",
    hexadecimal: "0x10",
    "an exponent without digits": "1e",
    "single quotes": "'x'",
    "a comment": "1/* */",
    "a trailing comma": "[1,]",
    undefined: "undefined",
    "a raw tab in a string": '"\t"',
    "a raw NUL in a string": '"\0"',
    "an unknown escape": '"\\x41"',
    "a short escape": '"\\u12"',
    "a lone high surrogate": '"\\ud800"',
    "a lone low surrogate": '"\\udc00"',
    "surrogates in the wrong order": '"\\udc00\\ud800"',
    "a high surrogate before a letter": '"\\ud800x"',
    "a non-breaking space": "1\u00a0",
    "capital TRUE": "TRUE",
  };
  const good: Readonly<Record<string, string>> = {
    "an escaped NUL in a string": '"\\u0000"',
    "minus zero": "-0",
    "a number beyond any double": "1e999",
    "a number of 100,000 digits": "9".repeat(100_000),
    "a tiny number": "1e-999",
    "every white space": " \t\r\n1",
  };
  const custom = (value: string) => (json: string): string =>
    json.replace(/}$/, () => `,"custom":{"x":${value}}}`);
  return [
    ...Object.entries(bad).map(([name, value]) =>
      metadataCase(`value is ${name}`, BAD, { json: custom(value) })
    ),
    ...Object.entries(good).map(([name, value]) =>
      metadataCase(`value is ${name}`, ACCEPT, { json: custom(value) })
    ),
    ...invalidUtf8().map(([name, bytes]) =>
      metadataCase(`string holds ${name}`, BAD, {
        json: (json) => {
          const text = Buffer.from(custom('"@"')(json));
          const at = text.lastIndexOf("@");
          return Buffer.concat([
            text.subarray(0, at),
            Buffer.from(bytes),
            text.subarray(at + 1),
          ]);
        },
      })
    ),
    ...[
      "",
      " ",
      "null",
      "1",
      '"x"',
      "[]",
      "{}",
      "{",
      "}",
      "[]]",
      '{"format":"PSPF/2025"}',
    ].map((text) =>
      metadataCase(`document is ${JSON.stringify(text)}`, BAD, {
        json: () => text,
      })
    ),
    metadataCase("text after the document", BAD, {
      json: (json) => `${json}{}`,
    }),
    metadataCase("byte order mark", BAD, { json: (json) => `\ufeff${json}` }),
    metadataCase("UTF-16", BAD, {
      json: (json) => Buffer.from(json, "utf16le"),
    }),
  ];
}

function invalidUtf8(): [string, number[]][] {
  return [
    ["a continuation byte", [0x80]],
    ["a lead byte alone", [0xc3]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["an overlong NUL", [0xe0, 0x80, 0x80]],
    ["an encoded surrogate", [0xed, 0xa0, 0x80]],
    ["a value above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["byte FF", [0xff]],
  ];
}

function flip(bytes: Buffer, at: number): Buffer {
  return setByte(bytes, at, (bytes[at] ?? 0) ^ 1);
}

function setByte(bytes: Uint8Array, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}
