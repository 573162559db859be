/** Archives whose headers lie about kinds, sizes and ends. @module */

import { Buffer } from "node:buffer";
import { ACCEPT, AGREE, ANY, refuseAtExtract } from "../hostile_case.ts";
import type { Expectation, HostileCase } from "../hostile_case.ts";
import {
  base256,
  gnuLong,
  paxHeader,
  TAR_END,
  tarArchive,
  tarMember,
} from "../tar_bytes.ts";
import type { TarMember } from "../tar_bytes.ts";
import { tarCase } from "./tar_case.ts";

const BODY = Buffer.from("content\n");
const FILE: TarMember = { name: "a", body: BODY };
const UNSUPPORTED = refuseAtExtract("archive/unsupported-entry");
const BROKEN = refuseAtExtract(
  "archive/bad-entry",
  "archive/truncated",
  "archive/too-large",
  "compress/too-large",
);

/** Cases about headers. */
export function tarHeaderCases(): HostileCase[] {
  return [
    ...kindCases(),
    ...modeCases(),
    ...sizeCases(),
    ...paxCases(),
    ...longCases(),
    ...endCases(),
  ];
}

function members(
  name: string,
  expect: Expectation,
  ...list: readonly TarMember[]
): HostileCase {
  return tarCase(name, expect, () => tarArchive(...list));
}

/** An archive that is too large to be made before it is needed. */
function heavy(
  name: string,
  expect: Expectation,
  make: () => readonly TarMember[],
): HostileCase {
  return { ...tarCase(name, expect, () => tarArchive(...make())), heavy: true };
}

function kindCases(): HostileCase[] {
  const device = (header: Buffer): void =>
    void header.write("0000001\x000000003\x00", 329, "latin1");
  const kinds: readonly [string, string, Expectation][] = [
    ["3", "character device", UNSUPPORTED],
    ["4", "block device", UNSUPPORTED],
    ["6", "FIFO", UNSUPPORTED],
    ["S", "GNU sparse file", UNSUPPORTED],
    ["D", "GNU directory listing", UNSUPPORTED],
    ["M", "GNU multi-volume", UNSUPPORTED],
    ["V", "GNU volume label", AGREE],
    ["N", "GNU old long name", UNSUPPORTED],
    ["7", "contiguous file", ANY],
    ["\0", "old regular file", ACCEPT],
    ["Z", "vendor kind", AGREE],
    ["8", "unassigned kind", AGREE],
    ["\xff", "kind 255", AGREE],
  ];
  return kinds.map(([type, name, expect]) =>
    members(name, expect, { name: "a", type, header: device })
  );
}

function modeCases(): HostileCase[] {
  const modes = [0o4755, 0o2755, 0o6777, 0o1777, 0o7777, 0];
  return [
    ...modes.map((mode) =>
      members(`file of mode ${mode.toString(8)}`, AGREE, { ...FILE, mode })
    ),
    ...modes.map((mode) =>
      members(`directory of mode ${mode.toString(8)}`, AGREE, {
        name: "d",
        type: "5",
        mode,
      }, {
        name: "d/x",
        body: BODY,
      })
    ),
    members("mode that is no number", AGREE, {
      ...FILE,
      header: (header) => void header.write("rwxr-xr", 100),
    }),
    members("directory that cannot be written, then a file in it", ACCEPT, {
      name: "d",
      type: "5",
      mode: 0o555,
    }, { name: "d/x", body: BODY }),
    members("owner root and a name", ACCEPT, {
      ...FILE,
      header: (header) => void header.write("root", 265),
    }),
  ];
}

function sizeCases(): HostileCase[] {
  const sized = (name: string, size: Buffer, expect = BROKEN): HostileCase =>
    members(`size ${name}`, expect, { ...FILE, size });
  return [
    sized("of 8 GiB in octal", Buffer.from("77777777777\0")),
    sized("of letters", Buffer.from("abcdefghijk\0")),
    sized("with a minus", Buffer.from("-0000000010\0")),
    sized("with the digit 8", Buffer.from("00000000008\0")),
    sized("of spaces", Buffer.alloc(12, " "), AGREE),
    sized("of NULs", Buffer.alloc(12), AGREE),
    sized("without a terminator", Buffer.from("000000000010"), AGREE),
    sized("in base 256", base256(8n), ANY),
    sized("in base 256 of -1", Buffer.alloc(12, 0xff)),
    sized("in base 256 of 2^63 - 1", base256(2n ** 63n - 1n)),
    sized("in base 256 of 2^63", base256(2n ** 63n)),
    sized("in base 256 of 2^64 - 512", base256(2n ** 64n - 512n)),
    sized("in base 256 of 2^64", base256(2n ** 64n)),
    sized("in base 256 of 2^94", base256(2n ** 94n)),
    members("directory with a size", AGREE, {
      name: "d",
      type: "5",
      mode: 0o755,
      body: BODY,
    }, FILE),
    members("link with a size", AGREE, {
      name: "l",
      type: "2",
      link: "a",
      body: BODY,
    }, FILE),
  ];
}

function paxCases(): HostileCase[] {
  const pax = (
    name: string,
    expect: Expectation,
    records: Record<string, string>,
  ): HostileCase => members(`PAX ${name}`, expect, paxHeader(records), FILE);
  const raw = (
    name: string,
    expect: Expectation,
    text: string | Buffer,
  ): HostileCase =>
    members(`PAX ${name}`, expect, {
      name: "p",
      type: "x",
      body: Buffer.from(text),
    }, FILE);
  const sizes = [
    "-1",
    "-8",
    "1e3",
    "0x8",
    " 8",
    "8 ",
    "8.0",
    "",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1".repeat(1000),
  ];
  return [
    ...sizes.map((size) =>
      pax(`size "${size.slice(0, 24)}"`, size === "" ? AGREE : BROKEN, { size })
    ),
    // Files beyond 8 GiB need it; the library reads sizes only where the header has them.
    pax("size of more than the header", ANY, { size: "9" }),
    pax("size that is right", ACCEPT, { size: "8" }),
    pax("size with zeros in front", AGREE, { size: "0008" }),
    pax("empty path", AGREE, { path: "" }),
    pax("mtime far away", ACCEPT, { mtime: "99999999999999999999.5" }),
    pax("mtime that is no number", AGREE, { mtime: "now" }),
    pax("sparse file, GNU 1.0", AGREE, {
      "GNU.sparse.major": "1",
      "GNU.sparse.minor": "0",
      "GNU.sparse.name": "../x",
      "GNU.sparse.realsize": "9999999999",
    }),
    pax("sparse file, GNU 0.1", AGREE, {
      "GNU.sparse.map": "0,1,999999999,1",
      "GNU.sparse.size": "8",
    }),
    pax("extended attribute", AGREE, {
      "SCHILY.xattr.security.capability": "\x01\x00\x00\x02",
    }),
    pax("charset", AGREE, { hdrcharset: "BINARY" }),
    raw("record of length 0", BROKEN, "0 path=x\n"),
    raw("record that is too long", BROKEN, "999 path=x\n"),
    raw("record that is too short", BROKEN, "5 path=x\n"),
    raw("record without a line end", BROKEN, "10 path=xx"),
    raw("record without a sign", BROKEN, "8 pathx\n"),
    raw("record without a length", BROKEN, " path=x\n"),
    raw("record with a negative length", BROKEN, "-9 path=x\n"),
    raw(
      "record length beyond any number",
      BROKEN,
      `${"9".repeat(100)} path=x\n`,
    ),
    raw("record with an empty key", AGREE, "5 =x\n"),
    raw("header without records", AGREE, ""),
    raw(
      "path that is not UTF-8",
      ANY,
      Buffer.from("9 path=\xff\n", "latin1"),
    ),
    members("PAX path twice", AGREE, {
      name: "p",
      type: "x",
      body: Buffer.from("10 path=a\n13 path=../x\n"),
    }, FILE),
    members("global PAX path of ..", AGREE, {
      ...paxHeader({ path: "../x" }),
      type: "g",
    }, FILE),
    members("global PAX size", AGREE, {
      ...paxHeader({ size: "9999999999" }),
      type: "g",
    }, FILE),
    members("global PAX link path", AGREE, {
      ...paxHeader({ linkpath: "/etc" }),
      type: "g",
    }, {
      name: "l",
      type: "2",
      link: "a",
    }),
    members(
      "two PAX headers in a row",
      AGREE,
      paxHeader({ path: "b" }),
      paxHeader({ path: "c" }),
      FILE,
    ),
    members("PAX header at the end", AGREE, FILE, paxHeader({ path: "b" })),
    members("PAX header of 8 GiB", BROKEN, {
      name: "p",
      type: "x",
      size: Buffer.from("77777777777\0"),
    }, FILE),
    members(
      "PAX size for a PAX header",
      AGREE,
      paxHeader({ size: "4096" }),
      paxHeader({ path: "b" }),
      FILE,
    ),
    heavy(
      "PAX header of 64 MiB",
      BROKEN,
      () => [paxHeader({ comment: "x".repeat(64 << 20) }), FILE],
    ),
    heavy("global PAX headers without end", AGREE, () => [
      ...Array.from({ length: 2_000 }, (_, at) => ({
        ...paxHeader({ [`key${at}`]: "x".repeat(30_000) }),
        type: "g",
      })),
      FILE,
    ]),
  ];
}

function longCases(): HostileCase[] {
  const bomb = (type: "L" | "K"): HostileCase =>
    heavy(
      `GNU long ${type} of 64 MiB`,
      BROKEN,
      () => [gnuLong(type, "n".repeat(64 << 20)), FILE],
    );
  return [
    bomb("L"),
    bomb("K"),
    members("GNU long name that is empty", AGREE, gnuLong("L", ""), FILE),
    members("GNU long name without NUL", AGREE, {
      name: "x",
      type: "L",
      body: Buffer.from("b"),
    }, FILE),
    members(
      "GNU long name with a NUL inside",
      AGREE,
      gnuLong("L", "b\0../x"),
      FILE,
    ),
    members("GNU long name at the end", AGREE, FILE, gnuLong("L", "b")),
    members(
      "GNU long name after a PAX path",
      AGREE,
      paxHeader({ path: "b" }),
      gnuLong("L", "c"),
      FILE,
    ),
    members(
      "GNU long name twice",
      AGREE,
      gnuLong("L", "b"),
      gnuLong("L", "../x"),
      FILE,
    ),
    members(
      "GNU long link for a regular file",
      AGREE,
      gnuLong("K", "/etc"),
      FILE,
    ),
    members("GNU long name of 8 GiB", BROKEN, {
      name: "x",
      type: "L",
      size: Buffer.from("77777777777\0"),
    }, FILE),
  ];
}

/** The library wants both end blocks and looks no further; the launcher takes less and reads all of it. */
function endCases(): HostileCase[] {
  const archive = (
    name: string,
    expect: Expectation,
    make: () => Buffer,
  ): HostileCase => tarCase(name, expect, make);
  const file = tarMember(FILE);
  const cut = refuseAtExtract("archive/truncated", "archive/bad-entry");
  return [
    archive("no bytes", ANY, () => Buffer.alloc(0)),
    archive("one zero block", ANY, () => Buffer.alloc(512)),
    archive("only the end", ACCEPT, () => Buffer.from(TAR_END)),
    archive("no end blocks", ANY, () => file),
    archive(
      "one end block",
      ANY,
      () => Buffer.concat([file, Buffer.alloc(512)]),
    ),
    archive(
      "zero block between members",
      AGREE,
      () => Buffer.concat([file, Buffer.alloc(512), tarArchive({ name: "b" })]),
    ),
    archive(
      "members after the end",
      ANY,
      () => Buffer.concat([tarArchive(FILE), tarArchive({ name: "../x" })]),
    ),
    archive(
      "letters after the end",
      ANY,
      () => Buffer.concat([tarArchive(FILE), Buffer.alloc(700, "x")]),
    ),
    archive(
      "zeros after the end",
      ACCEPT,
      () => Buffer.concat([tarArchive(FILE), Buffer.alloc(9216)]),
    ),
    archive(
      "end that is not whole",
      ANY,
      () => tarArchive(FILE).subarray(0, -100),
    ),
    archive("letters only", cut, () => Buffer.alloc(2048, "x")),
    archive(
      "a gzip stream instead",
      cut,
      () => Buffer.from("1f8b0800000000000003", "hex"),
    ),
    ...[1, 100, 257, 511, 512, 513, 519, 600].map((length) =>
      archive(
        `cut off after ${length} bytes`,
        length < 520 ? cut : AGREE,
        () => file.subarray(0, length),
      )
    ),
    members("header checksum is wrong", refuseAtExtract("archive/bad-entry"), {
      ...FILE,
      afterChecksum: (header) => header[0] = 0x62,
    }),
    members(
      "header checksum is no number",
      refuseAtExtract("archive/bad-entry"),
      {
        ...FILE,
        afterChecksum: (header) => void header.write("zzzzzz", 148),
      },
    ),
    members("no ustar magic", AGREE, {
      ...FILE,
      header: (header) => void header.fill(0, 257, 265),
    }),
    members("GNU magic", ACCEPT, {
      ...FILE,
      header: (header) => void header.write("ustar  \0", 257, "latin1"),
    }),
  ];
}
