/** What goes into a package comes out of it, whatever it is. */

import { encodeSlotDescriptor } from "../../lib/format/slot_descriptor.ts";
import { OperationChain, parseSlotDescriptor } from "@flavor/pspf/format";
import { BytesSource, type MemoryEntry, MemoryTarget } from "@flavor/pspf/io";
import { extractSlot } from "../../lib/read/slot_content.ts";
import { openPackage } from "../../lib/read/open_package.ts";
import { verifyPackage } from "@flavor/pspf/read";
import { assert, assertEquals } from "@std/assert";
import { buildInMemory, planOf } from "../pack/build_in_memory.ts";
import { Seeded } from "../support/seeded.ts";

const NAMES = [
  "a",
  "b.txt",
  "Ünï",
  "with space",
  "n".repeat(120),
  "\u{1f4e6}",
  "-x",
  "...",
];
const MODES = [0o644, 0o755, 0o600, 0o444];
const OPERATIONS = ["raw", "gzip", "zstd"];

type Content = Map<string, MemoryEntry>;

/** Files and links at random places; directories appear as their parents. */
function randomTree(random: Seeded): Content {
  const tree: Content = new Map();
  for (let count = 1 + random.below(8); count > 0; count--) {
    const parents = random.list(
      random.below(4),
      () => `dir ${random.below(3)}`,
    );
    const path = [...parents, random.pick(NAMES)].join("/");
    const entry: MemoryEntry = random.below(6) === 0
      ? { kind: "symlink", target: random.pick(["a", "../x", "/usr/bin/env"]) }
      : {
        kind: "file",
        mode: random.pick(MODES),
        content: random.bytes(random.below(3000)),
      };
    tree.set(path, entry);
  }
  return tree;
}

async function buildRandom(
  random: Seeded,
): Promise<{ bytes: Uint8Array; expected: Content }> {
  const tree = randomTree(random);
  const file = random.bytes(random.below(20_000));
  const chain = random.pick(["tar", "tar.gz", "tar.zst"]);
  const { bytes } = await buildInMemory(
    planOf([
      `{ id = "tree", source = "tree", target = "{workenv}", operations = "${chain}", modes = "exact" }`,
      `{ id = "file", source = "file", target = "single/file", operations = "${
        random.pick(OPERATIONS)
      }" }`,
    ]),
    { tree: Object.fromEntries(tree), file },
  );
  tree.set("single/file", { kind: "file", mode: 0o644, content: file });
  return { bytes, expected: tree };
}

async function extract(bytes: Uint8Array): Promise<Content> {
  const opened = await openPackage(new BytesSource(bytes));
  const target = new MemoryTarget();
  for (const slot of opened.slots) await extractSlot(opened, slot, target);
  return new Map(
    [...target.entries].filter(([, { kind }]) => kind !== "directory"),
  );
}

function sorted(content: Content): readonly (readonly [string, MemoryEntry])[] {
  return [...content].sort(([a], [b]) => a < b ? -1 : 1);
}

Deno.test("extractSlot() gives back every tree that assemblePackage() took", async () => {
  for (let seed = 0; seed < 60; seed++) {
    const { bytes, expected } = await buildRandom(new Seeded(seed));
    const { valid } = await verifyPackage(new BytesSource(bytes));
    assert(valid, `seed ${seed}`);
    assertEquals(
      sorted(await extract(bytes)),
      sorted(expected),
      `seed ${seed}`,
    );
  }
});

Deno.test("verifyPackage() refuses every package of which something was changed", async () => {
  const random = new Seeded(1);
  const { bytes } = await buildRandom(random);
  for (let round = 0; round < 400; round++) {
    const changed = mutate(bytes, random);
    const { valid } = await verifyPackage(new BytesSource(changed));
    assert(!valid, `round ${round}`);
  }
});

/** Changes, removes, repeats or adds some bytes; never gives back the same ones. */
function mutate(bytes: Uint8Array, random: Seeded): Uint8Array {
  const at = random.below(bytes.length);
  const length = 1 + random.below(16);
  switch (random.below(4)) {
    case 0: {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 + random.below(255));
      return changed;
    }
    case 1:
      return concat(bytes.subarray(0, at), bytes.subarray(at + length));
    case 2:
      return concat(bytes.subarray(0, at + length), bytes.subarray(at));
    default:
      return concat(
        bytes.subarray(0, at),
        random.bytes(length),
        bytes.subarray(at),
      );
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("OperationChain survives encode(), decode(), toString() and parse()", () => {
  const random = new Seeded(2);
  const known = [0x01, 0x10, 0x13, 0x16, 0x1b] as const;
  for (let round = 0; round < 500; round++) {
    const chain = new OperationChain(
      random.list(random.below(9), () => random.pick(known)),
    );
    assertEquals(OperationChain.decode(chain.encode()), chain);
    assertEquals(OperationChain.parse(chain.toString()), chain);
  }
});

Deno.test("parseSlotDescriptor() and encodeSlotDescriptor() undo each other for all fields", () => {
  const random = new Seeded(3);
  for (let round = 0; round < 500; round++) {
    // The two reserved bytes are not kept.
    const bytes = random.bytes(64).fill(0, 60, 62);
    assertEquals(encodeSlotDescriptor(parseSlotDescriptor(bytes)), bytes);
  }
});
