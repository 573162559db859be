/** Archives whose members want to leave the directory, by name or through links. @module */

import { Buffer } from "node:buffer";
import { ACCEPT, AGREE, ANY, refuseAtExtract } from "../hostile_case.ts";
import type { Expectation, Ground, HostileCase } from "../hostile_case.ts";
import { gnuLong, paxHeader, tarArchive } from "../tar_bytes.ts";
import type { TarMember } from "../tar_bytes.ts";
import { tarCase } from "./tar_case.ts";

const UNSAFE = refuseAtExtract("archive/unsafe-path");
const BAD_NAME = refuseAtExtract(
  "archive/unsafe-path",
  "archive/bad-entry",
  "archive/too-large",
);
const BODY = Buffer.from("owned\n");

/** Cases about names and links. */
export function tarPathCases(): HostileCase[] {
  return [
    ...nameCases(),
    ...longNameCases(),
    ...linkCases(),
    ...hardLinkCases(),
    ...collisionCases(),
  ];
}

function members(
  name: string,
  expect: Expectation,
  make: (ground: Ground) => readonly TarMember[],
): HostileCase {
  return tarCase(name, expect, (ground) => tarArchive(...make(ground)));
}

function nameCases(): HostileCase[] {
  const unsafe = [
    "../x",
    "../../x",
    "a/../../x",
    "a/../x",
    "..",
    "../",
    "./../x",
    "a/b/../../../x",
    "a/..",
    "/x",
    "//x",
    "/",
    "/../x",
    "./..",
    "share/../../../../../../../../../../tmp/flavor-hostile",
  ];
  const harmless = [
    "./x",
    "././x",
    "a//x",
    "a/./x",
    "...",
    "..x",
    "x..",
    "a/.../x",
    ".x",
    " ",
    "-x",
    "~",
    "$HOME",
  ];
  const judged = [
    "",
    ".",
    "./",
    "C:\\x",
    "C:/x",
    "\\\\server\\x",
    "..\\x",
    "a\\..\\..\\x",
    "x:y",
    "NUL",
    "CON.txt",
    "x\n",
    "x\x1b[2J",
    "\u202e",
    "x ",
    "x.",
  ];
  return [
    ...unsafe.flatMap((name) => [
      members(`file "${name}"`, BAD_NAME, () => [{ name, body: BODY }]),
      members(
        `directory "${name}"`,
        UNSAFE,
        () => [{ name, type: "5", mode: 0o755 }],
      ),
      members(
        `PAX path "${name}"`,
        BAD_NAME,
        () => [paxHeader({ path: name }), { name: "x", body: BODY }],
      ),
      members(
        `GNU long name "${name}"`,
        BAD_NAME,
        () => [gnuLong("L", name), { name: "x", body: BODY }],
      ),
    ]),
    members("prefix of ..", UNSAFE, () => [
      {
        name: "x",
        body: BODY,
        header: (header) => void header.write("..", 345),
      },
    ]),
    members("absolute prefix", UNSAFE, () => [
      {
        name: "x",
        body: BODY,
        header: (header) => void header.write("/tmp", 345),
      },
    ]),
    members("absolute name of a real directory", UNSAFE, ({ outside }) => [
      paxHeader({ path: `${outside}/x` }),
      { name: "x", body: BODY },
    ]),
    ...harmless.map((name) =>
      members(`file "${name}"`, ACCEPT, () => [{ name, body: BODY }])
    ),
    ...judged.flatMap((name) => [
      members(
        `file ${JSON.stringify(name)}`,
        AGREE,
        () => [{ name, body: BODY }],
      ),
      members(
        `directory ${JSON.stringify(name)}`,
        AGREE,
        () => [{ name, type: "5", mode: 0o755 }],
      ),
    ]),
    members(
      "name that is not UTF-8",
      ANY,
      () => [{ name: Buffer.from([0x66, 0xff]), body: BODY }],
    ),
    members(
      "NUL in a PAX path",
      BAD_NAME,
      () => [paxHeader({ path: "a\0b" }), { name: "x", body: BODY }],
    ),
    members("NUL in a PAX link path", BAD_NAME, () => [
      paxHeader({ linkpath: "a\0b" }),
      { name: "x", type: "2", link: "a" },
    ]),
  ];
}

function longNameCases(): HostileCase[] {
  const named = (
    name: string,
    expect: Expectation,
    path: string,
  ): HostileCase[] => [
    members(
      `PAX path of ${name}`,
      expect,
      () => [paxHeader({ path }), { name: "x", body: BODY }],
    ),
    members(
      `GNU long name of ${name}`,
      expect,
      () => [gnuLong("L", path), { name: "x", body: BODY }],
    ),
  ];
  return [
    ...named("255 bytes in one component", ACCEPT, "n".repeat(255)),
    ...named("256 bytes in one component", AGREE, "n".repeat(256)),
    ...named("4,096 bytes", AGREE, "dir/".repeat(1023) + "name"),
    ...named("5,000 bytes in one component", AGREE, "n".repeat(5000)),
    ...named("100,000 bytes", BAD_NAME, "dir/".repeat(25_000)),
    ...named("10,000 components", BAD_NAME, "d/".repeat(9_999) + "x"),
    ...named(
      "10,000 components that cancel out",
      UNSAFE,
      "d/../".repeat(5_000) + "x",
    ),
  ];
}

function linkCases(): HostileCase[] {
  const link = (name: string, target: string): TarMember => ({
    name,
    type: "2",
    link: target,
    mode: 0o777,
  });
  const outward = (
    name: string,
    after: readonly TarMember[],
    expect = UNSAFE,
  ): HostileCase[] =>
    [["absolute", ""], ["relative", "../".repeat(40)]].map(([kind, up]) =>
      members(`${kind} link out, then ${name}`, expect, ({ outside }) => [
        paxHeader({ linkpath: `${up ?? ""}${outside}` }),
        link("link", "x"),
        ...after,
      ])
    );
  return [
    ...outward("nothing", [], AGREE),
    ...outward("a file below it", [{ name: "link/x", body: BODY }]),
    ...outward("a directory below it", [{
      name: "link/d",
      type: "5",
      mode: 0o755,
    }]),
    ...outward("a link below it", [link("link/l", "x")]),
    ...outward("a hard link below it", [{ name: "a", body: BODY }, {
      name: "link/h",
      type: "1",
      link: "a",
    }]),
    ...outward("a hard link from below it", [{
      name: "h",
      type: "1",
      link: "link/keep",
    }]),
    ...outward(
      "a hard link to it",
      [{ name: "h", type: "1", link: "link" }],
      AGREE,
    ),
    ...outward("a file with its name", [{ name: "link", body: BODY }], AGREE),
    ...outward("a directory with its name", [{
      name: "link",
      type: "5",
      mode: 0o777,
    }], AGREE),
    ...outward("a directory with its name and a file in it", [
      { name: "link/", type: "5", mode: 0o777 },
      { name: "link/x", body: BODY },
    ], AGREE),
    members(
      "link to a file outside, then a file with its name",
      AGREE,
      ({ outside }) => [
        paxHeader({ linkpath: `${outside}/keep` }),
        link("link", "x"),
        { name: "link", body: BODY, mode: 0o777 },
      ],
    ),
    members("link over a directory that has files", AGREE, ({ outside }) => [
      { name: "d", type: "5", mode: 0o755 },
      { name: "d/a", body: BODY },
      paxHeader({ linkpath: outside }),
      link("d", "x"),
      { name: "d/x", body: BODY },
    ]),
    members(
      "link over an empty directory, then a file below it",
      AGREE,
      ({ outside }) => [
        { name: "d", type: "5", mode: 0o755 },
        paxHeader({ linkpath: outside }),
        link("d", "x"),
        { name: "d/x", body: BODY },
      ],
    ),
    members("chain of links out", UNSAFE, ({ outside }) => [
      link("a", "b"),
      link("b", "c"),
      paxHeader({ linkpath: outside }),
      link("c", "x"),
      { name: "a/x", body: BODY },
    ]),
    members("link that is spelled with ./", UNSAFE, ({ outside }) => [
      paxHeader({ linkpath: outside }),
      link("d/link", "x"),
      { name: "./d/./link//x", body: BODY },
    ]),
    members("link inside, then a file through it", AGREE, () => [
      { name: "real", type: "5", mode: 0o755 },
      link("link", "real"),
      { name: "link/x", body: BODY },
    ]),
    members(
      "link to itself",
      AGREE,
      () => [link("a", "a"), { name: "a/x", body: BODY }],
    ),
    members("links in a circle", AGREE, () => [link("a", "b"), link("b", "a")]),
    members("link with an empty target", AGREE, () => [link("a", "")]),
    members(
      "link target of 5,000 bytes",
      AGREE,
      () => [gnuLong("K", "n".repeat(5000)), link("a", "x")],
    ),
    members("link target of 100,000 components", AGREE, () => [
      paxHeader({ linkpath: "d/".repeat(100_000) }),
      link("a", "x"),
    ]),
  ];
}

function hardLinkCases(): HostileCase[] {
  const hard = (target: string): TarMember => ({
    name: "h",
    type: "1",
    link: target,
  });
  return [
    members(
      "hard link to an earlier file",
      ACCEPT,
      () => [{ name: "a", body: BODY }, hard("a")],
    ),
    members("hard link to nothing", AGREE, () => [hard("missing")]),
    members(
      "hard link to a later file",
      AGREE,
      () => [hard("a"), { name: "a", body: BODY }],
    ),
    members(
      "hard link to a directory",
      AGREE,
      () => [{ name: "d", type: "5", mode: 0o755 }, hard("d")],
    ),
    members("hard link to itself", AGREE, () => [hard("h")]),
    members("hard link to ../..", UNSAFE, () => [hard("../../outside/keep")]),
    members(
      "hard link to an absolute name",
      UNSAFE,
      () => [hard("/nowhere/file")],
    ),
    members("hard link to a file outside", UNSAFE, ({ outside }) => [
      paxHeader({ linkpath: `${outside}/keep` }),
      hard("x"),
    ]),
    members("hard link to a link out, then written", AGREE, ({ outside }) => [
      paxHeader({ linkpath: `${outside}/keep` }),
      { name: "link", type: "2", link: "x" },
      hard("link"),
      { name: "h", body: BODY, mode: 0o777 },
    ]),
    members("hard link with a body", AGREE, () => [
      { name: "a", body: BODY },
      { ...hard("a"), body: Buffer.from("other\n") },
    ]),
  ];
}

function collisionCases(): HostileCase[] {
  const directory = (name: string): TarMember => ({
    name,
    type: "5",
    mode: 0o755,
  });
  return [
    members(
      "the same file twice",
      AGREE,
      () => [{ name: "a", body: BODY }, { name: "a", body: Buffer.from("2") }],
    ),
    members(
      "the same file in two spellings",
      AGREE,
      () => [{ name: "a", body: BODY }, { name: "./a", body: BODY }],
    ),
    members(
      "the same directory twice",
      ACCEPT,
      () => [directory("d"), directory("d/")],
    ),
    members(
      "file over a directory",
      AGREE,
      () => [directory("d"), { name: "d", body: BODY }],
    ),
    members("file over a directory that has files", AGREE, () => [
      { name: "d/a", body: BODY },
      { name: "d", body: BODY },
    ]),
    members(
      "directory over a file",
      AGREE,
      () => [{ name: "d", body: BODY }, directory("d")],
    ),
    members(
      "file below a file",
      AGREE,
      () => [{ name: "d", body: BODY }, { name: "d/x", body: BODY }],
    ),
    members(
      "names that differ by case",
      ACCEPT,
      () => [{ name: "a", body: BODY }, { name: "A", body: BODY }],
    ),
    members("names that differ by normalization", ACCEPT, () => [
      { name: "\u00e9", body: BODY },
      { name: "e\u0301", body: BODY },
    ]),
    members(
      "file with a trailing slash",
      AGREE,
      () => [{ name: "a/", body: BODY }],
    ),
    members(
      "link with a trailing slash",
      AGREE,
      () => [{ name: "a/", type: "2", link: "b" }],
    ),
    members(
      "20,000 directories in each other's place",
      AGREE,
      () => Array.from({ length: 2_000 }, (_, at) => directory(`d${at % 7}/e`)),
    ),
  ];
}
