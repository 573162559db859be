/** Two independent writers that agree byte for byte hold each other to the format. */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { PSPFReader } from "@flavor/pspf/read";
import { EXAMPLES, prepareExamples } from "../../scripts/prepare_examples.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { launcherLike } from "../support/platform_signed.ts";
import { Seeded } from "../support/seeded.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import {
  firstDifference,
  packHere,
  packNatively,
  packWithBoth,
} from "./native_builder.ts";

for (const name of ["hello-shell", "static-binary", "deno-app"]) {
  Deno.test(`flavor-rs-builder packs ${name} as flavor pack does`, async () => {
    await prepareExamples();
    await using dir = await tempDir();
    const manifest = join(EXAMPLES, name, "flavor.toml");
    await packWithBoth(dir, { manifest });
  });
}

const PROJECT = `
package = { name = "demo", version = "1.2.3", description = "Ünï \\u0001" }
custom = { team = "tools", 10 = [1.5, 1e21, true], 2 = { deep = "x" } }
cache_validation = { check_file = "ok", expected_content = "yes" }
runtime = { env = { unset = ["LD_*"], pass = ["LD_X"], set = { B = "1", A = "{workenv}" } } }

[execution]
argv = ["sh", "{workenv}/app/run.sh", "two words"]
args = ["it's"]
primary_slot = "app"
cwd = "app"
env = { Z = "{slot:0}", A = "$HOME", "é" = "1" }

[workenv]
directories = ["var/log", { path = "secret", mode = "0700" }]
env = { HOME = "{workenv}" }
umask = "077"

[[setup_commands]]
type = "write_file"
path = "{workenv}/etc/app.conf"
content = "x"

[[setup_commands]]
command = "touch {workenv}/done"
batch = true
`;

/** A tree with everything that archives have rules for. */
async function writeTree(dir: TempDir, random: Seeded): Promise<void> {
  await dir.write("app/run.sh", "echo hello\n", 0o755);
  await dir.write(`app/${"n".repeat(90)}/${"m".repeat(90)}.txt`, "long");
  await dir.write(`app/Ünï/\u{1f4e6} 'x'`, "not ASCII", 0o600);
  await dir.write("app/empty", "");
  await dir.write("app/.git/config", "left out");
  await dir.write("app/cache/x.tmp", "left out");
  await dir.write("app/keep/x.tmp", "kept");
  await dir.write("app/.flavorignore", "*.tmp\n!keep/*.tmp\n/cache/\n");
  await dir.write("app/large", random.bytes(1_300_000));
  await dir.write("app/unit", random.bytes(1 << 20));
  for (let index = 0; index < 60; index++) {
    await dir.write(`app/many/${index}`, random.bytes(random.below(40_000)));
  }
  await Deno.symlink("run.sh", dir.at("app/link"));
  await Deno.symlink("x/".repeat(70), dir.at("app/long link"));
  await dir.write("file", random.bytes(1_500_000), 0o750);
  await dir.write("small", "tiny");
  await dir.write("text", "some text\n".repeat(1000), 0o600);
}

const OPERATIONS = [
  ...["raw", "gzip", "bzip2", "xz", "zstd", "gzip|zstd", "xz|gzip"],
];
const ARCHIVES = [
  ...["tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst", "tar|bzip2|zstd"],
];
const LIFECYCLES = ["init", "runtime", "cache", "lazy", "config", "dev"];

function slotLine(
  index: number,
  source: string,
  operations: readonly string[],
  random: Seeded,
): string {
  const keys = [
    `id = "slot ${index}"`,
    `source = "${source}"`,
    `target = "at/${index}"`,
    `purpose = "${random.pick(["data", "code", "media", "tool"])}"`,
    `lifecycle = "${random.pick(LIFECYCLES)}"`,
    `platform = "${random.pick(["any", "linux", "windows"])}"`,
    `modes = "${random.pick(["owner", "exact"])}"`,
  ];
  const chain = random.pick(["", ...operations]);
  if (chain !== "") keys.push(`operations = "${chain}"`);
  // At other levels of gzip the two differ: see below.
  if (/^(?:xz|bzip2|zstd|tar\.(?:xz|bz2|zst))$/.test(chain)) {
    keys.push(`level = ${1 + random.below(6)}`);
  }
  if (random.below(3) === 0) keys.push(`permissions = "0750"`);
  if (source === "app" && random.below(2) === 0) {
    keys.push(`include = ["many/", "*.sh", "nothing"]`, `exclude = ["1?"]`);
  }
  return `[[slots]]\n${keys.join("\n")}\n`;
}

Deno.test("flavor-rs-builder packs generated manifests as flavor pack does, with any number of jobs", async () => {
  await using dir = await tempDir();
  const random = new Seeded(11);
  await writeTree(dir, random);
  for (let round = 0; round < 5; round++) {
    const slots = random.list(3, () => random.pick(["app", "file", "text"]))
      .map((source, index) =>
        slotLine(
          index + 1,
          source,
          source === "app" ? ARCHIVES : OPERATIONS,
          random,
        )
      );
    const app = `[[slots]]\nid = "app"\nsource = "small"\ntarget = "small"\n`;
    await dir.write("flavor.toml", `${PROJECT}\n${app}${slots.join("\n")}`);
    const env = { SOURCE_DATE_EPOCH: String(random.below(2 ** 31)) };
    const note = `round ${round}: ${slots.join("")}`;
    const bytes = await packWithBoth(dir, { env }, note);
    const jobs = 1 + random.below(7);
    const again = await packNatively(dir, "again.psp", { env, jobs });
    assertEquals(again.code, 0, again.stderr);
    assertEquals(
      firstDifference(await Deno.readFile(dir.at("again.psp")), bytes),
      undefined,
      `${note} with ${jobs} jobs`,
    );
  }
});

Deno.test("flavor-rs-builder packs each operation and each level as flavor pack does", async () => {
  await using dir = await tempDir();
  const random = new Seeded(5);
  await dir.write(
    "content",
    `${random.list(60_000, () => random.below(5000)).join(" ")}`,
  );
  await dir.write("tree/a", "a".repeat(5000));
  await dir.write("tree/b", await Deno.readFile(dir.at("content")));
  const files = OPERATIONS.map((operations) => ({ operations, level: 0 }));
  for (let level = 1; level <= 22; level++) {
    files.push({ operations: "zstd", level });
    if (level < 10) {
      files.push({ operations: "xz", level }, { operations: "bzip2", level });
    }
  }
  const slots = [
    ...files.map(({ operations, level }, index) =>
      `{ id = "${index}", source = "content", target = "f${index}", operations = "${operations}"${
        level === 0 ? "" : `, level = ${level}`
      } }`
    ),
    ...ARCHIVES.map((operations, index) =>
      `{ id = "t${index}", source = "tree", target = "t${index}", operations = "${operations}" }`
    ),
  ];
  await dir.write(
    "flavor.toml",
    `package = { name = "all", version = "1" }
execution = { command = "sh" }
slots = [\n${slots.join(",\n")}\n]\n`,
  );
  await packWithBoth(dir);
});

Deno.test("flavor-rs-builder keeps inputs that are encoded already as flavor pack does", async () => {
  await using dir = await tempDir();
  const random = new Seeded(6);
  await dir.write("tree/file", random.bytes(300_000));
  const chains = ["tar.gz", "tar.xz", "tar.bz2", "tar.zst", "tar"];
  await dir.write(
    "flavor.toml",
    `package = { name = "first", version = "1" }
execution = { command = "sh" }
slots = [${
      chains.map((one, index) =>
        `{ id = "${one}", source = "tree", target = "t${index}", operations = "${one}" }`
      ).join(", ")
    }]\n`,
  );
  const first = await packNatively(dir, "first.psp");
  assertEquals(first.code, 0, first.stderr);
  await using opened = await PSPFReader.open(dir.at("first.psp"));
  for (const [index, { offset, size }] of opened.slots.entries()) {
    const bytes = await opened.package.source.read(offset, size);
    await dir.write(`kept-${index}`, bytes.slice());
  }
  // As the existing builders have it: operations say what the source is.
  const slots = chains.map((operations, index) => ({
    id: operations,
    source: index % 2 === 0 ? `kept-${index}` : `{workenv}/kept-${index}`,
    target: "{workenv}",
    operations,
    lifecycle: "cached",
    purpose: "payload",
    type: "blob",
  }));
  await dir.write(
    "manifest.json",
    JSON.stringify({
      format_version: "2025.0.0",
      package: { name: "kept", version: "1", author: "somebody" },
      execution: { command: "sh", env: { A: "1" }, environment: { B: "2" } },
      slots: [...slots, { id: "plain", source: "kept-4", target: "plain.tar" }],
      setup_commands: ["true"],
      runtime: null,
    }),
  );
  const bytes = await packWithBoth(dir, { manifest: "manifest.json" });
  await dir.write("kept.psp", bytes);
  await using kept = await PSPFReader.open(dir.at("kept.psp"));
  assertEquals(
    kept.slots.slice(0, 5).map(({ size }) => size),
    opened.slots.map(({ size }) => size),
  );
});

Deno.test("flavor-rs-builder packs for the launchers of others as flavor pack does", async () => {
  await using dir = await tempDir();
  await dir.write("launcher", foreignLauncher());
  await dir.write("app/bin/run", "#!/bin/sh\n", 0o755);
  await dir.write("app/lib/a/b", "b".repeat(6000));
  await Deno.symlink("lib/a", dir.at("app/current"));
  await Deno.symlink("bin/run", dir.at("app/start"));
  await dir.write("big", "0123456789".repeat(1000));
  await dir.write(
    "flavor.toml",
    `package = { name = "portable", version = "1" }
[execution]
argv = ["{primary}", "{os}-{arch}", "{slot:1}"]
args = ["{platform}"]
primary_slot = "app"
env = { KEPT = "1", MOVED = "{slot:1}", OS = "{os}" }
[workenv]
directories = ["data"]
env = { HOME = "{workenv}/home", KEPT = "0" }
[[slots]]
id = "app"
source = "app"
target = "app"
[[slots]]
id = "big"
source = "big"
target = "share/big"
[[slots]]
id = "sbom"
source = "big"
target = "sbom"
purpose = "sbom"
lifecycle = "lazy"
[[setup_commands]]
type = "write_file"
path = "{workenv}/etc/{os}/app.conf"
content = "{platform}"
`,
  );
  const launcher = dir.at("launcher");
  await packWithBoth(dir, { launcher });
  await packWithBoth(dir, { flags: ["--portable", "--key-seed", "s"] });
});

for (
  const name of [
    "a program for macOS without a signature",
    "a signature of the launcher from before it was packed",
    "the commands in another order",
    "a program for Windows without a signature",
    "a program for Windows with a checksum",
  ]
) {
  Deno.test(`flavor-rs-builder leaves room for the platform's signature as flavor pack does: ${name}`, async () => {
    await using dir = await tempDir();
    const bytes = launcherLike(name);
    await dir.write("launcher", bytes);
    await dir.write("big", new Seeded(3).bytes(200_000));
    await dir.write(
      "flavor.toml",
      `package = { name = "signed ä", version = "1" }
execution = { command = "sh" }
slots = [{ id = "big", source = "big", target = "big" }]
`,
    );
    const packed = await packWithBoth(dir, { launcher: dir.at("launcher") });
    assert(packed.length > bytes.length);
  });
}

Deno.test("at other levels than 9 the zlib of Deno and the one of flavor-rs-builder give other bytes of the same content", async () => {
  await using dir = await tempDir();
  const random = new Seeded(9);
  const text = random.list(200_000, () => random.below(3000)).join(" ");
  await dir.write("content", text);
  await dir.write(
    "flavor.toml",
    `package = { name = "gzip", version = "1" }
execution = { command = "sh" }
slots = [{ id = "a", source = "content", target = "a", operations = "gzip", level = 6 }]
`,
  );
  const here = await packHere(dir, "here.psp");
  assertEquals(here.code, 0, here.err);
  const native = await packNatively(dir, "native.psp");
  assertEquals(native.code, 0, native.stderr);
  const contents: Uint8Array[] = [];
  const sizes: number[] = [];
  for (const name of ["here.psp", "native.psp"]) {
    await using opened = await PSPFReader.open(dir.at(name));
    contents.push(await new Response(opened.streamSlot(0)).bytes());
    sizes.push(opened.slots[0]?.size ?? 0);
  }
  const [one = new Uint8Array(), other = new Uint8Array()] = contents;
  assertEquals(new TextDecoder().decode(one), text);
  assertEquals(firstDifference(one, other), undefined);
  const versions = `zlib-ng of Deno ${Deno.version.deno} (its name: ${
    (await import("node:process")).versions.zlib
  }) and zlib-rs 0.5.5`;
  assert(
    Math.abs((sizes[0] ?? 0) - (sizes[1] ?? 0)) < text.length / 100,
    `${versions} give ${sizes.join(" and ")} bytes`,
  );
});
