/** What is said of packages to programs, and how two of them are compared. */

import { BytesSource } from "@flavor/pspf/io";
import { inspectPackage } from "@flavor/pspf/read";
import type { PackageMetadata } from "@flavor/pspf/format";
import { assertEquals } from "@std/assert";
import { comparePackages } from "../../lib/read/compare_packages.ts";
import { ListingTarget } from "../../lib/read/listed_files.ts";
import { openPackage } from "../../lib/read/open_package.ts";
import {
  changesJson,
  summaryJson,
  verdictJson,
} from "../../lib/read/package_json.ts";
import { isTrusted, judgePackage } from "../../lib/read/verdict.ts";
import { makeTar, type TarInput } from "../support/make_tar.ts";
import {
  makeSealedPackage,
  type SealedOptions,
  type SealedSlot,
} from "../support/sealed_package.ts";
import { rejectsCode } from "../support/throws_code.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function archiveOf(members: readonly TarInput[]): SealedSlot {
  const stored = makeTar(members);
  return { id: "lib", stored, operations: "tar", packed: 1n };
}

const WORDS = { tool: "t", toolVersion: "1" };
const MORE: Partial<PackageMetadata> = {
  build: {
    ...WORDS,
    timestamp: "2025-01-01T00:00:00+00:00",
    deterministic: true,
    platform: { os: "linux", arch: "amd64", host: "linux/amd64" },
  },
  launcher: { ...WORDS, size: 8, checksum: "", capabilities: [] },
  execution: {
    primarySlot: 3,
    command: "c",
    argv: ["a"],
    args: ["b"],
    env: { C: "d" },
  },
};

type Json = Record<string, unknown>;

async function summaryOf(options: SealedOptions): Promise<Json> {
  const summary = await inspectPackage(await makeSealedPackage(options));
  return summaryJson(summary) as Json;
}

Deno.test("a summary has null for what a package does not name", async () => {
  const { builder, built, launcher, platform_signature, execution } =
    await summaryOf({});
  assertEquals([builder, built, launcher, platform_signature], [
    null,
    null,
    null,
    null,
  ]);
  assertEquals(execution, {
    command: "true",
    argv: null,
    args: [],
    primary_slot: 0,
    env: {},
  });
  const full = await summaryOf({ metadata: MORE });
  assertEquals([full["builder"], full["launcher"], full["built"]], [
    "t 1",
    "t 1",
    "2025-01-01T00:00:00+00:00",
  ]);
  assertEquals(full["execution"], {
    command: "c",
    argv: ["a"],
    args: ["b"],
    primary_slot: 3,
    env: { C: "d" },
  });
});

Deno.test("a summary lists files where they were listed", async () => {
  const slots = [
    { id: "a", stored: encode("a") },
    { id: "b", stored: encode("b") },
  ];
  const summary = await inspectPackage(await makeSealedPackage({ slots }));
  const filesOf = (json: unknown): unknown =>
    (json as { slots: Json[] }).slots.map(({ files }) => files);
  assertEquals(filesOf(summaryJson(summary)), [undefined, undefined]);
  const file = { kind: "file", path: "b", mode: 0o644, size: 1 } as const;
  assertEquals(filesOf(summaryJson(summary, [[file]])), [[file], []]);
});

Deno.test("a verdict says whose key it is and whether it is trusted", async () => {
  const bytes = await makeSealedPackage();
  const source = new BytesSource(bytes);
  const { fingerprint } = await inspectPackage(bytes);
  const judge = async (
    trustedKeys?: readonly string[],
    given = source,
  ): Promise<unknown[]> => {
    const verdict = await judgePackage("p", given, { trustedKeys });
    const json = verdictJson(verdict);
    return [json["level"], json["valid"], json["fingerprint"], json["trusted"]];
  };
  assertEquals(await judge(), ["standard", true, fingerprint, null]);
  assertEquals(await judge([fingerprint]), [
    "standard",
    true,
    fingerprint,
    true,
  ]);
  assertEquals(await judge([]), ["standard", false, fingerprint, false]);
  const none = new BytesSource(encode("no package"));
  assertEquals(await judge([], none), ["standard", false, null, null]);
  assertEquals(isTrusted({ checks: [] }), undefined);
});

async function changesOf(
  before: SealedOptions,
  after: SealedOptions,
): Promise<{ same: boolean; facts: Json[]; slots: Json[]; read: number }> {
  const open = async (
    options: SealedOptions,
  ): ReturnType<typeof openPackage> =>
    await openPackage(new BytesSource(await makeSealedPackage(options)));
  let read = 0;
  const changes = await comparePackages(
    await open(before),
    await open(after),
    (count) => read += count,
  );
  const json = changesJson("x", "y", changes) as Json;
  return {
    same: json["same"] as boolean,
    facts: json["facts"] as Json[],
    slots: json["slots"] as Json[],
    read,
  };
}

const FILES: readonly TarInput[] = [
  { name: "d", type: "5", mode: "0000755\0" },
  { name: "d/gone", content: "gone" },
  { name: "d/link", type: "2", link: "gone" },
  { name: "d/mode", content: "m" },
  { name: "d/same", content: "same" },
  { name: "d/text", content: "text" },
];

Deno.test("two packages that are the same are read whole and have no changes", async () => {
  const slots = [archiveOf(FILES)];
  const { read, ...changes } = await changesOf({ slots }, { slots });
  assertEquals(changes, { same: true, facts: [], slots: [] });
  assertEquals(read, 2 * makeTar(FILES).length);
});

Deno.test("content that is the same need not be what it says to be", async () => {
  const stored = encode("not gzip");
  const slots = [{ id: "a", stored, operations: "gzip", packed: 0x10n }];
  const { same } = await changesOf({ slots }, { slots });
  assertEquals(same, true);
});

Deno.test("facts that differ are named, whether they stand in a list or not", async () => {
  const { same, facts } = await changesOf({ metadata: MORE }, {
    isSealed: false,
    metadata: { ...MORE, setupCommands: ["x"] },
  });
  assertEquals(same, false);
  assertEquals(
    facts.filter(({ key }) => key !== "file size"),
    [
      { key: "sealed", before: true, after: false },
      { key: "setup_commands[0]", before: null, after: "x" },
    ],
  );
});

Deno.test("files that differ are named with what is different", async () => {
  const others = FILES.filter(({ name }) => name !== "d/gone").map((file) => {
    switch (file.name) {
      case "d/link":
        return { ...file, link: "text" };
      case "d/mode":
        return { ...file, mode: "0000755\0" };
      case "d/text":
        return { ...file, content: "other" };
    }
    return file;
  });
  const { slots } = await changesOf({ slots: [archiveOf(FILES)] }, {
    slots: [archiveOf([...others, { name: "new", content: "n" }])],
  });
  assertEquals(slots.map(({ name, status }) => [name, status]), [[
    "lib",
    "changed",
  ]]);
  const files = slots[0]?.["files"] as {
    name: string;
    status: string;
    changes: { key: string }[];
  }[];
  assertEquals(
    files.map(({ name, status, changes }) => [
      name,
      status,
      changes.map(({ key }) => key).join(),
    ]),
    [
      ["d/gone", "removed", ""],
      ["d/link", "changed", "target"],
      ["d/mode", "changed", "mode"],
      ["d/text", "changed", "size,sha256"],
      ["new", "added", ""],
    ],
  );
});

Deno.test("slots are compared by their ids; content that is the same is not listed", async () => {
  const a = { id: "a", stored: encode("a") };
  const b = { id: "b", stored: encode("b") };
  const changes = await changesOf({ slots: [a, b] }, {
    slots: [{ ...b, target: "other" }, { id: "c", stored: encode("c") }],
  });
  const parts = changes.slots.map(({ name, status, changes, files }) => [
    name,
    status,
    (changes as Json[]).map(({ key }) => key).join(),
    (files as Json[]).map(({ name, status }) => `${status} ${name}`).join(),
  ]);
  assertEquals(parts, [
    ["a", "removed", "", "removed a"],
    ["b", "changed", "slot,target", "removed b,added other"],
    ["c", "added", "", "added c"],
  ]);
  const moved = await changesOf({ slots: [a, b] }, { slots: [b, a] });
  assertEquals(moved.slots.map(({ name, files }) => [name, files]), [
    ["a", []],
    ["b", []],
  ]);
});

Deno.test("a comparison refuses content that is not the signed one", async () => {
  const slots = [{ id: "a", stored: encode("0123456789") }];
  const bytes = await makeSealedPackage({ slots });
  const good = await openPackage(new BytesSource(bytes.slice()));
  bytes[bytes.indexOf(0x39)] = 0x38;
  const bad = await openPackage(new BytesSource(bytes));
  await rejectsCode("verify/slot-digest", () => comparePackages(good, bad));
  await rejectsCode("verify/slot-digest", () => comparePackages(bad, good));
});

Deno.test("a listing has a limit, and digests only where they are asked for", async () => {
  const stream = (): ReadableStream<Uint8Array> => new Blob(["abc"]).stream();
  const list = new ListingTarget({ maxFiles: 2, withDigests: true });
  await list.directory("d", 0o755);
  await list.file("d/a", 0o644, 3, stream());
  for (
    const more of [
      () => list.directory("e", 0o755),
      () => list.file("e", 0o644, 3, stream()),
      () => list.symlink("e", "d"),
      () => list.hardLink("e", "d/a"),
    ]
  ) await rejectsCode("archive/too-large", more);
  assertEquals(list.files, [
    { kind: "directory", path: "d", mode: 0o755 },
    {
      kind: "file",
      path: "d/a",
      mode: 0o644,
      size: 3,
      sha256:
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    },
  ]);
  const plain = new ListingTarget();
  await plain.file("a", 0o600, undefined, stream());
  await plain.hardLink("b", "a");
  assertEquals(plain.files, [
    { kind: "file", path: "a", mode: 0o600, size: 3 },
    { kind: "link", path: "b", target: "a" },
  ]);
});
