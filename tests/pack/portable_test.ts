import { assert, assertEquals } from "@std/assert";
import type { PackageMetadata } from "@flavor/pspf/format";
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

/** What the metadata of a portable package says. */
async function portableMetadata(
  manifest: string,
  os: "linux" | "windows" = "linux",
): Promise<PackageMetadata> {
  const plan = parseManifest(
    `package = { name = "demo", version = "1" }\n${manifest}`,
    { format: "toml" },
  );
  const { bytes } = await buildInMemory(
    plan,
    { app: "x".repeat(50), lib: TREE },
    { portable: true, target: { os, arch: "amd64" } },
  );
  await using reader = await PSPFReader.open(bytes);
  return reader.metadata;
}

Deno.test("the portable profile writes what existing launchers do not know in words that they do", async (t) => {
  const slots = `slots = [{ id = "app", source = "app", target = "bin/app" }]`;
  await t.step("a program is found by env, not by its last part", async () => {
    const { execution } = await portableMetadata(
      `execution = { command = "{workenv}/bin/app -v" }\n${slots}`,
    );
    assertEquals(execution.command, "env {workenv}/bin/app -v");
  });
  await t.step("a program that is looked up stays as it is", async () => {
    const { execution } = await portableMetadata(
      `execution = { command = "sh -c true" }\n${slots}`,
    );
    assertEquals(execution.command, "sh -c true");
  });
  await t.step("placeholders in variables move into the command", async () => {
    const { execution } = await portableMetadata(
      `execution = { command = "sh", env = { A = "1", HOME = "{workenv}/home" } }\n${slots}`,
    );
    assertEquals(execution.command, "env HOME={workenv}/home sh");
    assertEquals(execution.env, { A: "1" });
  });
  await t.step("variables of the workenv move into the command", async () => {
    const { execution, workenv } = await portableMetadata(
      `execution = { command = "sh" }\nworkenv = { env = { CACHE = "x" } }\n${slots}`,
    );
    assertEquals(execution.command, "env CACHE=x sh");
    assertEquals(workenv?.env ?? {}, {});
  });
  await t.step("placeholders that they do not know are put in", async () => {
    const { execution } = await portableMetadata(
      `execution = { command = "sh {slot:0} {primary} {os} {arch} {platform}" }\n${slots}`,
    );
    assertEquals(
      execution.command,
      "sh {workenv}/bin/app {workenv}/bin/app linux amd64 linux_amd64",
    );
  });
  await t.step("parents of written files become directories", async () => {
    const { workenv } = await portableMetadata(
      `execution = { command = "sh" }\n${slots}
      setup_commands = [{ type = "write_file", path = "{workenv}/a/b/c", content = "x" }]`,
    );
    assertEquals(workenv?.directories, [{ path: "{workenv}/a/b" }]);
  });
  await t.step("a command line of setup becomes an object", async () => {
    const { setupCommands } = await portableMetadata(
      `execution = { command = "sh" }\n${slots}\nsetup_commands = ["touch {workenv}/x"]`,
    );
    assertEquals(setupCommands, [
      { type: "execute", command: "touch {workenv}/x" },
    ]);
  });
});

Deno.test("the portable profile refuses what cannot be said in words that existing launchers know", async (t) => {
  const start = 'execution = { command = "sh" }';
  const slot = 'slots = [{ id = "app", source = "app", target = "app" }]';
  const cases: Record<string, readonly [string, ("linux" | "windows")?]> = {
    "a shell in setup": [
      `${start}\n${slot}\nsetup_commands = [{ type = "shell", command = "a | b" }]`,
    ],
    "chmod in setup": [
      `${start}\n${slot}\nsetup_commands = [{ type = "chmod", path = "{workenv}/app", mode = "0755" }]`,
    ],
    "a lifecycle that is ignored": [
      `${start}\nslots = [{ id = "app", source = "app", target = "app", lifecycle = "lazy" }]`,
    ],
    "quotes in the command": [
      `execution = { argv = ["sh", "two words"] }\n${slot}`,
    ],
    "variables on Windows": [
      `execution = { command = "app", env = { A = "{workenv}/x" } }\n${slot}`,
      "windows",
    ],
  };
  for (const [name, [manifest, os]] of Object.entries(cases)) {
    await t.step(name, async () => {
      const error = await rejectsCode(
        "build/limit",
        () => portableMetadata(manifest, os),
      );
      assert(error.hint !== undefined);
    });
  }
});
