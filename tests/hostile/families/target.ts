/** Slot targets that leave the workenv, alone or together. @module */

import { Buffer } from "node:buffer";
import { ACCEPT, AGREE, ANY, refuseAtExtract } from "../hostile_case.ts";
import type { Expectation, Ground, HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";
import type { PackageDraft, SlotDraft } from "../package_draft.ts";
import { paxHeader, tarArchive } from "../tar_bytes.ts";

const STORED = Buffer.from("owned\n");
const UNSAFE = refuseAtExtract(
  "archive/unsafe-path",
  "format/bad-metadata",
  "format/bad-slot",
);

/** Cases about where slots go. */
export function targetCases(): HostileCase[] {
  return [
    ...singleCases(),
    ...placeholderCases(),
    ...lifecycleCases(),
    ...pairCases(),
  ];
}

function targetCase(
  name: string,
  expect: Expectation,
  draft: (ground: Ground) => PackageDraft,
): HostileCase {
  const build: HostileCase["build"] = (ground) =>
    writePackage(ground.launcher, draft(ground));
  return { family: "target", name, expect, build };
}

const UNSAFE_TARGETS: readonly string[] = [
  "../x",
  "/x",
  "/tmp/flavor-hostile",
  "{workenv}/../x",
  "{workenv}/../../x",
  "a/../../x",
  "a/../x",
  "..",
  "{workenv}/..",
  "/",
  "//x",
  "{workenv}//../x",
  "a\0b",
  "d/".repeat(9_999) + "x",
  "x".repeat(100_000),
  "{workenv}../x",
  "./../x",
];

function singleCases(): HostileCase[] {
  const shown = (target: string): string =>
    target.length < 40
      ? JSON.stringify(target)
      : `${target.slice(0, 8)}... of ${target.length} bytes`;
  const file = (target: string, expect: Expectation): HostileCase =>
    targetCase(
      `file at ${shown(target)}`,
      expect,
      () => ({ slots: [{ stored: STORED, target }] }),
    );
  const tar = (target: string, expect: Expectation): HostileCase =>
    targetCase(`tar at ${shown(target)}`, expect, () => ({
      slots: [{
        stored: tarArchive({ name: "x" }),
        target,
        operations: "tar",
        chain: 1n,
      }],
    }));
  const judged = [
    "",
    ".",
    "./",
    "{workenv}",
    "{workenv}/",
    "{workenv}{workenv}/x",
    "{workenv}/{workenv}",
    "a//b",
    "a/./b",
    "a/",
    "C:\\x",
    "..\\x",
    "{other}/x",
    "{slot:0}/x",
    "{slot:9}",
    "n".repeat(256),
    "d/".repeat(2_047) + "x",
  ];
  return [
    ...UNSAFE_TARGETS.map((target) => file(target, UNSAFE)),
    // Members of an archive carry their whole path: nobody looks at its target.
    ...UNSAFE_TARGETS.map((target) => tar(target, AGREE)),
    targetCase("file at an absolute directory", UNSAFE, ({ outside }) => ({
      slots: [{ stored: STORED, target: `${outside}/x` }],
    })),
    ...judged.map((target) => file(target, AGREE)),
    ...["share", "{workenv}", "{workenv}/share", "."].map((target) =>
      tar(target, AGREE)
    ),
    ...["x", "./x", "{workenv}/x", "a/b/c/d", "...", "..x"].map((target) =>
      file(target, ACCEPT)
    ),
  ];
}

/** What a placeholder stands for is the attacker's choice, too. */
function placeholderCases(): HostileCase[] {
  const named = (name: string, expect: Expectation): HostileCase =>
    targetCase(`{package_name} of ${JSON.stringify(name)}`, expect, () => ({
      slots: [{ stored: STORED, target: "{package_name}/x" }],
      document: (document) =>
        document["package"] = { name, version: "{workenv}/../x" },
    }));
  return [
    ...[
      "..",
      "../..",
      "/tmp/flavor-hostile",
      "/",
      "{workenv}/..",
      "a/../..",
      "a\0b",
    ].map((name) => named(name, UNSAFE)),
    named("harmless", ACCEPT),
    named("", AGREE),
    named("{package_name}", AGREE),
  ];
}

/** Slots that are removed or replaced at some point of a run. */
function lifecycleCases(): HostileCase[] {
  const names = [
    "init",
    "startup",
    "temp",
    "volatile",
    "lazy",
    "dev",
    "config",
    "platform",
    "shutdown",
  ];
  return names.flatMap((lifecycle) =>
    ["../x", "{workenv}/..", "/tmp/flavor-hostile"].map((target) =>
      targetCase(`${lifecycle} slot at ${target}`, UNSAFE, () => ({
        slots: [{ stored: STORED, target, lifecycle }],
      }))
    ).concat(
      targetCase(`${lifecycle} slot at the workenv itself`, ANY, () => ({
        slots: [{ stored: STORED, target: "{workenv}", lifecycle }],
      })),
    )
  );
}

/** One slot prepares what the next one uses. */
function pairCases(): HostileCase[] {
  const links = (outside: string): SlotDraft => ({
    stored: tarArchive(paxHeader({ linkpath: outside }), {
      name: "link",
      type: "2",
      link: "x",
    }),
    target: "{workenv}",
    operations: "tar",
    chain: 1n,
  });
  const refused = refuseAtExtract("archive/unsafe-path");
  const after = (
    name: string,
    slot: SlotDraft,
    expect: Expectation,
  ): HostileCase[] => [
    targetCase(
      `link slot, then ${name}`,
      expect,
      ({ outside }) => ({ slots: [links(outside), slot] }),
    ),
    targetCase(
      `${name}, then link slot`,
      AGREE,
      ({ outside }) => ({ slots: [slot, links(outside)] }),
    ),
  ];
  const file = (target: string): SlotDraft => ({ stored: STORED, target });
  return [
    ...after("a file below the link", file("link/x"), refused),
    ...after("an init file below the link", {
      ...file("link/keep"),
      lifecycle: "init",
    }, refused),
    ...after("a temp file below the link", {
      ...file("link/keep"),
      lifecycle: "temp",
    }, refused),
    ...after("a file in the place of the link", file("link"), AGREE),
    ...after("a tar with a file below the link", {
      stored: tarArchive({ name: "link/x", body: STORED }),
      target: "{workenv}",
      operations: "tar",
      chain: 1n,
    }, refused),
    targetCase(
      "two slots with one target",
      AGREE,
      () => ({ slots: [file("x"), file("x")] }),
    ),
    targetCase(
      "two slots with one target in two spellings",
      AGREE,
      () => ({ slots: [file("x"), file("{workenv}/./x")] }),
    ),
    targetCase(
      "a file and a file below it",
      AGREE,
      () => ({ slots: [file("x"), file("x/y")] }),
    ),
    targetCase(
      "targets that differ by case",
      AGREE,
      () => ({ slots: [file("x"), file("X")] }),
    ),
    targetCase("two slots with one id", AGREE, () => ({
      slots: [{ ...file("x"), json: { id: "i" } }, {
        ...file("y"),
        json: { id: "i" },
      }],
    })),
    targetCase(
      "an id that is a path",
      ACCEPT,
      () => ({ slots: [{ ...file("x"), json: { id: "../../x" } }] }),
    ),
  ];
}
