import {
  buildPackageFromManifest,
  PSPFBuilder,
  PSPFReader,
  verifyPackage,
} from "@flavor/pspf";
import { MemoryTarget } from "@flavor/pspf/io";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { toFileUrl } from "@std/path";
import type { PackHost } from "@flavor/pspf/pack";
import { createDenoHost } from "../../lib/host/deno_host.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { OUR_LAUNCHER } from "./build_in_memory.ts";

const LAUNCHER = new TextEncoder().encode(OUR_LAUNCHER);
const host = createDenoHost();

function newBuilder(): PSPFBuilder {
  return new PSPFBuilder()
    .setPackageName("demo")
    .setPackageVersion("1.2.3")
    .setMetadata({ execution: { command: "true" } })
    .setLauncher(LAUNCHER)
    .withKeys({ seed: "test" });
}

/** Enough of an ELF header to be taken for a program of x86-64. */
function elf(): Uint8Array {
  const bytes = new Uint8Array(4096);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.set([2, 0, 0x3e, 0], 16);
  bytes.set(LAUNCHER, 1024);
  return bytes;
}

async function writeSources(dir: TempDir): Promise<void> {
  await dir.write("src/bin/run", "#!/bin/sh\n", 0o755);
  await dir.write("src/data.txt", "data\n".repeat(2000));
}

Deno.test("PSPFBuilder packs files and directories by path and by URL", async () => {
  await using dir = await tempDir();
  await writeSources(dir);
  const build = async (
    tree: string | URL,
    file: string | URL,
    name: string,
  ): Promise<Uint8Array> => {
    const { path } = await newBuilder()
      .addSlot({ name: "tree" }, tree)
      .addSlot({ name: "run", permissions: "0755" }, file)
      .build(dir.at("out", name));
    return await Deno.readFile(path);
  };
  const [tree, file] = [dir.at("src"), dir.at("src", "bin", "run")];
  const byPath = await build(tree, file, "a.psp");
  assertEquals(
    await build(toFileUrl(tree), toFileUrl(file), "b.psp"),
    byPath,
  );
  await using reader = await PSPFReader.open(byPath);
  const target = new MemoryTarget();
  await reader.extractAll(target);
  assertEquals(
    [...target.entries.keys()].toSorted(),
    ["run", "tree", "tree/bin", "tree/bin/run", "tree/data.txt"],
  );
  const sources = reader.slots.map(({ metadata }) => metadata.source);
  assertEquals(sources, ["src", "run"]);
});

Deno.test("PSPFBuilder.build(path) reports what the package has", async () => {
  await using dir = await tempDir();
  await writeSources(dir);
  const result = await newBuilder()
    .addSlot({ name: "tree" }, dir.at("src"))
    .build(toFileUrl(dir.at("app.psp")));
  assertEquals(result.path, dir.at("app.psp"));
  assertEquals(result.isKeyEphemeral, false);
  assert((await verifyPackage(result.path, { level: "strict" })).valid);
  await using reader = await PSPFReader.open(result.path);
  const [slot] = reader.slots;
  const [built] = result.slots;
  assert(slot !== undefined && built !== undefined);
  assertEquals(built.offset, slot.offset);
  assertEquals(built.size, slot.size);
  assertEquals(built.metadata.checksum, slot.metadata.checksum);
  assertEquals(built.descriptor.permissions, slot.permissions);
  assertEquals(built.operations.toString(), "tar.zst");
});

Deno.test("PSPFBuilder.build(path) writes an executable, and nothing when it fails", async () => {
  await using dir = await tempDir();
  const path = dir.at("app.psp");
  await rejectsCode(
    "io/not-found",
    () => newBuilder().addSlot({ name: "a" }, dir.at("missing")).build(path),
  );
  assertEquals(await host.reader.list(dir.path), []);
  await newBuilder().build(path);
  assertEquals((await host.reader.facts(path))?.mode, 0o755);
  await rejectsCode(
    "io/exists",
    () => newBuilder().withOptions({ replace: false }).build(path),
  );
});

Deno.test("PSPFBuilder.build(path) rejects a wrong configuration before it writes", async () => {
  await using dir = await tempDir();
  const builder = newBuilder().setPackageVersion("");
  await rejectsCode(
    "manifest/invalid",
    () => builder.build(dir.at("out", "app.psp")),
  );
  const promise = builder.build(dir.at("out", "app.psp"));
  assertEquals((await Promise.allSettled([promise]))[0]?.status, "rejected");
  assertEquals(await host.reader.list(dir.path), []);
});

Deno.test("PSPFBuilder does not pack its own output", async () => {
  await using dir = await tempDir();
  await dir.write("a.txt", "a");
  const builder = newBuilder().addSlot({ name: "here" }, dir.path);
  const { path } = await builder.build(dir.at("app.psp"));
  const first = await Deno.readFile(path);
  await builder.build(path);
  assertEquals(await Deno.readFile(path), first);
});

Deno.test("PSPFBuilder.setLauncher() finds a launcher for a target", async () => {
  await using dir = await tempDir();
  await dir.write("flavor/bin/flavor-rs-launcher-linux_amd64", elf(), 0o755);
  const away: PackHost = {
    ...host,
    env: {
      get: (name) => name === "XDG_DATA_HOME" ? dir.path : undefined,
    },
    machine: { ...host.machine, checkout: undefined, platform: "linux_amd64" },
  };
  for (
    const target of ["linux_amd64", { os: "linux", arch: "amd64" }] as const
  ) {
    const { path } = await new PSPFBuilder({ host: away })
      .setPackageName("demo").setPackageVersion("1")
      .setMetadata({ execution: { command: "true" } })
      .setLauncher(target)
      .build(dir.at("app.psp"));
    await using reader = await PSPFReader.open(await Deno.readFile(path));
    assertEquals(reader.metadata.build?.platform.os, "linux");
    assertEquals(reader.metadata.build?.platform.arch, "amd64");
  }
  const error = await rejectsCode(
    "launcher/not-found",
    () =>
      new PSPFBuilder({ host: away })
        .setPackageName("demo").setPackageVersion("1")
        .setMetadata({ execution: { command: "true" } })
        .setLauncher("darwin_arm64")
        .build(dir.at("mac.psp")),
  );
  assertStringIncludes(error.message, dir.path);
});

Deno.test("PSPFBuilder compresses only what changed with a cache", async () => {
  await using dir = await tempDir();
  await writeSources(dir);
  const builder = newBuilder()
    .addSlot({ name: "tree" }, dir.at("src"))
    .addSlot({ name: "text" }, new TextEncoder().encode("t".repeat(9000)))
    .withOptions({ cache: { directory: dir.at("cache") } });
  await builder.build(dir.at("1.psp"));
  await dir.write("src/data.txt", "new");
  const { slots } = await builder.build(dir.at("2.psp"));
  assertEquals(slots.map(({ isCached }) => isCached), [false, true]);
});

Deno.test("buildPackageFromManifest() uses the keys of files", async () => {
  await using dir = await tempDir();
  await dir.write("hello.sh", "echo hello\n");
  const manifestPath = await dir.write(
    "flavor.toml",
    `
    package = { name = "hello", version = "1" }
    execution = { command = "sh {workenv}/hello.sh" }
    slots = [{ id = "s", source = "hello.sh", target = "hello.sh" }]
    `,
  );
  const options = { launcher: LAUNCHER };
  const raw = new Uint8Array(32).fill(7);
  const privateKeyPath = await dir.write("private", raw);
  const publicKeyPath = await dir.write("public", raw);
  await rejectsCode(
    "crypto/key-mismatch",
    () =>
      buildPackageFromManifest(manifestPath, {
        ...options,
        privateKeyPath,
        publicKeyPath,
      }),
  );
  await rejectsCode(
    "usage/bad-argument",
    () => buildPackageFromManifest(manifestPath, { ...options, publicKeyPath }),
  );
  await rejectsCode(
    "usage/bad-argument",
    () =>
      buildPackageFromManifest(manifestPath, {
        ...options,
        privateKeyPath,
        key: { seed: "x" },
      }),
  );
  const [signed] = await buildPackageFromManifest(manifestPath, {
    ...options,
    privateKeyPath,
  });
  assertEquals(signed?.path, dir.at("dist", "hello.psp"));
  assertEquals(signed?.isKeyEphemeral, false);
  const [named] = await buildPackageFromManifest(manifestPath, {
    ...options,
    outputPath: dir.at("named.psp"),
  });
  assertEquals(named?.isKeyEphemeral, true);
});

Deno.test("buildPackageFromManifest() writes over nothing that it reads", async () => {
  await using dir = await tempDir();
  const manifest = `
    package = { name = "hello", version = "1" }
    execution = { command = "true" }
    slots = []
  `;
  const manifestPath = await dir.write("flavor.toml", manifest);
  await rejectsCode(
    "usage/bad-argument",
    () =>
      buildPackageFromManifest(manifestPath, {
        outputPath: manifestPath,
        launcher: LAUNCHER,
      }),
  );
  assertEquals(await Deno.readTextFile(manifestPath), manifest);
});

Deno.test("PSPFBuilder.build(path) tells how far it is, verification included", async () => {
  await using dir = await tempDir();
  const ended: string[] = [];
  const { path } = await newBuilder()
    .addSlot({ name: "data" }, new Uint8Array(100_000))
    .withOptions({
      onProgress: ({ stage, completed, total }) => {
        assert(completed <= total, `${stage}: ${completed} of ${total}`);
        if (ended.at(-1) !== stage) ended.push(stage);
      },
    })
    .build(dir.at("out.psp"));
  assertEquals(path, dir.at("out.psp"));
  assertEquals(ended, ["pack", "verify"]);
});

Deno.test("importing the library and building in memory need no permission", async () => {
  const program = `
    import { PSPFBuilder, verifyPackage } from "@flavor/pspf";
    const stream = new PSPFBuilder().setPackageName("a").setPackageVersion("1")
      .setMetadata({ execution: { command: "true" } })
      .addSlot({ name: "s" }, new Uint8Array(10000))
      .setLauncher(new Uint8Array(100)).build();
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    const { valid } = await verifyPackage(bytes);
    console.log(valid);
  `;
  assertEquals(await run(program, []), "true\n");
});

Deno.test("PSPFBuilder.build(path) needs access to files and nothing else", async () => {
  await using dir = await tempDir();
  await writeSources(dir);
  const program = `
    import { PSPFBuilder } from "@flavor/pspf";
    const { path } = await new PSPFBuilder()
      .setPackageName("a").setPackageVersion("1")
      .setMetadata({ execution: { command: "true" } })
      .addSlot({ name: "s" }, ${JSON.stringify(dir.at("src"))})
      .setLauncher(new Uint8Array(100))
      .build(${JSON.stringify(dir.at("app.psp"))});
    console.log(path);
  `;
  const output = await run(program, ["--allow-read", "--allow-write"]);
  assertEquals(output, `${dir.at("app.psp")}\n`);
});

/** Runs a program as a process of its own, with the permissions given. */
async function run(
  program: string,
  permissions: readonly string[],
): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      "--config=deno.json",
      ...permissions,
      "-",
    ],
    cwd: new URL("../..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}
