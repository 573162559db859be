import { assert, assertEquals } from "@std/assert";
import { PSPFReader } from "@flavor/pspf/read";
import { parseManifest } from "@flavor/pspf/manifest";
import { rejectsCode } from "../support/throws_code.ts";
import { buildInMemory, planOf, textSource } from "./build_in_memory.ts";

const FOREIGN = textSource("\x7fELF some other launcher");
const TREE = { "a/b": { content: "b" } };

Deno.test("a launcher that is not ours chooses the portable profile, with a note", async () => {
  const { report } = await buildInMemory(
    planOf([
      '{ id = "app", source = "app", target = "app" }',
      '{ id = "lib", source = "lib", target = "lib" }',
    ]),
    { app: "x".repeat(9000), lib: TREE },
    { launcher: FOREIGN },
  );
  assert(report.portable);
  assertEquals(report.slots.map(({ operations }) => operations.toString()), [
    "gzip",
    "tar.gz",
  ]);
  assert(report.warnings[0]?.includes("the portable profile was chosen"));
});

Deno.test("the portable profile can be asked for, and be refused", async () => {
  const plan = planOf(
    ['{ id = "lib", source = "lib", target = "lib" }'],
    "build = { portable = true }",
  );
  const asked = await buildInMemory(plan, { lib: TREE });
  assertEquals([asked.report.portable, asked.report.warnings], [true, []]);
  const refused = await buildInMemory(plan, { lib: TREE }, {
    portable: false,
    launcher: FOREIGN,
  });
  assertEquals(refused.report.portable, false);
  assert(refused.report.warnings[0]?.includes("not ours"));
});

Deno.test("the portable profile finds the marker across two chunks", async () => {
  const marker = "flavor-rs-launcher/1 pspf-2025 ops=raw,tar,gzip,zstd;";
  for (const at of [0, 262_144 - 20, 1_000_000]) {
    const text = `${"\0".repeat(at)}${marker}${"\0".repeat(100_000)}`;
    const { report } = await buildInMemory(planOf([]), {}, {
      launcher: textSource(text),
    });
    assertEquals(report.portable, false, `marker at ${at}`);
  }
});

Deno.test("the portable profile refuses what no existing launcher can start", async (t) => {
  const many = Array.from(
    { length: 124 },
    (_, i) => `{ id = "s${i}", source = "app", target = "f${i}" }`,
  );
  // 257 bytes of anything, and the magic of a tar header.
  const tar = `${"x".repeat(257)}ustar${"x".repeat(300)}`;
  const cases: Record<string, readonly string[]> = {
    "124 slots": many,
    "zstd": ['{ id="a", source="app", target="a", operations="zstd" }'],
    "tar.zst": ['{ id="a", source="lib", target="a", operations="tar.zst" }'],
    "gzip twice": [
      '{ id="a", source="app", target="a", operations="gzip|gzip" }',
    ],
    "an archive as a file": ['{ id="a", source="tar", target="a" }'],
  };
  for (const [name, slots] of Object.entries(cases)) {
    await t.step(name, async () => {
      await rejectsCode(
        "build/limit",
        () =>
          buildInMemory(
            planOf(slots),
            { app: "x".repeat(50), lib: TREE, tar },
            {
              portable: true,
            },
          ),
      );
    });
  }
  await t.step("123 slots are fine", async () => {
    const sources = { app: "x".repeat(50) };
    const plan = planOf(many.slice(1));
    const { report } = await buildInMemory(plan, sources, { portable: true });
    assertEquals(report.slots.length, 123);
  });
});

Deno.test("more than 123 slots have ids that the Rust launcher accepts", async () => {
  const slots = Array.from(
    { length: 130 },
    (_, i) => `{ id = "s${i}", source = "app", target = "f${i}" }`,
  );
  const { bytes } = await buildInMemory(planOf(slots), { app: "x".repeat(50) });
  await using reader = await PSPFReader.open(bytes);
  for (const { descriptor } of reader.slots) {
    assert((descriptor.id & 0xffn) !== 0x7bn);
  }
});

Deno.test("the portable profile writes one command line", async () => {
  const plan = parseManifest(
    `
    package = { name = "demo", version = "1" }
    execution = { argv = ["{workenv}/bin/app", "word"], args = ["-v"] }
    slots = []
    `,
    { format: "toml" },
  );
  const { bytes, report } = await buildInMemory(plan, {}, { portable: true });
  await using reader = await PSPFReader.open(bytes);
  assertEquals(reader.metadata.execution, {
    primarySlot: 0,
    command: "env {workenv}/bin/app word -v",
    env: {},
  });
  assertEquals(report.warnings.length, 1);
  assert(report.warnings[0]?.includes("starts with env"), report.warnings[0]);
});
