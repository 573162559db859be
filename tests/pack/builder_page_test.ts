/** The samples of the existing Builder API page, as they are written here. */

import {
  buildBatch,
  buildPackageFromManifest,
  isPspfError,
  type KeyFiles,
  Operation,
  OperationChain,
  PSPFBuilder,
  PSPFReader,
  type SlotDescriptor,
  SlotPurpose,
  verifyPackage,
  writeKeyFiles,
} from "@flavor/pspf";
import { keyPairFromSeed } from "@flavor/pspf/crypto";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createDenoHost } from "../../lib/host/deno_host.ts";
import { makeTar } from "../support/make_tar.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { OUR_LAUNCHER } from "./build_in_memory.ts";

const LAUNCHER = new TextEncoder().encode(OUR_LAUNCHER);

/** An archive as `dist/app.tar.gz` holds one. */
async function archive(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const tar = makeTar([{ name: "main.py", content: text }]);
  const stream = new Blob([new Uint8Array(tar)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

Deno.test("the page's simple package, whose zeros mean that the build decides", async () => {
  await using dir = await tempDir();
  const builder = new PSPFBuilder();
  builder.setPackageName("myapp");
  builder.setPackageVersion("1.0.0");
  const slot: SlotDescriptor = {
    id: 0,
    name: "application",
    offset: 0,
    size: 0,
    checksum: new Uint8Array(),
  };
  const content = await archive("print('hello')\n");
  builder.addSlot(slot, content);
  builder.setLauncher(LAUNCHER);
  await builder.build(dir.at("myapp.psp"));
  assert((await verifyPackage(dir.at("myapp.psp"), { level: "strict" })).valid);
  await using reader = await PSPFReader.open(dir.at("myapp.psp"));
  assertEquals(reader.metadata.package, { name: "myapp", version: "1.0.0" });
  // There is nothing to run, and nothing is made up.
  assertEquals(reader.metadata.execution.command, "");
  const stored = await new Response(reader.streamSlot(0)).bytes();
  assertEquals(stored, content);
});

Deno.test("the page's operation chain, packed", async () => {
  const ops = new OperationChain();
  ops.add(Operation.TAR);
  ops.add(Operation.GZIP);
  const slot: SlotDescriptor = {
    id: 0,
    name: "data",
    operations: ops.encode(),
  };
  const bytes = await build(
    new PSPFBuilder().setPackageName("a").setPackageVersion("1")
      .setLauncher(LAUNCHER)
      .addSlot(slot, await archive("x = 1\n")),
  );
  await using reader = await PSPFReader.open(bytes);
  const paths = await Array.fromAsync(reader.entries(0), ({ path }) => path);
  assertEquals(paths, ["main.py"]);
});

Deno.test("the page's three slots, with its purposes", async () => {
  const builder = new PSPFBuilder().setPackageName("a").setPackageVersion("1")
    .setLauncher(LAUNCHER);
  const purposes = [
    ["runtime", SlotPurpose.PYTHON_ENVIRONMENT],
    ["application", SlotPurpose.APPLICATION_CODE],
    ["resources", SlotPurpose.STATIC_RESOURCES],
  ] as const;
  for (const [id, [name, purpose]] of purposes.entries()) {
    builder.addSlot({ id, name, purpose }, new TextEncoder().encode(name));
  }
  await using reader = await PSPFReader.open(await build(builder));
  assertEquals(
    reader.slots.map(({ id, metadata }) => `${id}: ${metadata.purpose}`),
    ["runtime: code", "application: code", "resources: media"],
  );
});

Deno.test("the page's own metadata", async () => {
  const builder = new PSPFBuilder().setLauncher(LAUNCHER);
  builder.setMetadata({
    format_version: "2025.1",
    package: {
      name: "myapp",
      version: "1.0.0",
      description: "My custom application",
    },
    build: {
      timestamp: "2025-01-15T10:30:00Z",
      builder: "custom-builder",
      platform: "linux_amd64",
    },
    custom: {
      license: "MIT",
      author: "Your Name",
      homepage: "https://example.com",
    },
  });
  await using reader = await PSPFReader.open(await build(builder));
  const { formatVersion, package: info, build: made, custom } = reader.metadata;
  assertEquals(formatVersion, "2025.1");
  assertEquals(info, {
    name: "myapp",
    version: "1.0.0",
    description: "My custom application",
  });
  assertEquals(made?.timestamp, "2025-01-15T10:30:00Z");
  assertEquals(made?.extra, { builder: "custom-builder" });
  assertEquals([made?.platform.os, made?.platform.arch], ["linux", "amd64"]);
  // What is not said there is ours.
  assertEquals(made?.tool, "flavor");
  assertEquals(custom, {
    license: "MIT",
    author: "Your Name",
    homepage: "https://example.com",
  });
});

Deno.test("the page's signing from a manifest, which gives a list", async () => {
  await using dir = await tempDir();
  const manifest = await manifestIn(dir);
  const pair = await keyPairFromSeed("page");
  const files: KeyFiles = await writeKeyFiles(pair, dir.at("keys"));
  const packages = await buildPackageFromManifest(manifest, {
    privateKeyPath: files.privateKeyPath,
    publicKeyPath: files.publicKeyPath,
    launcher: LAUNCHER,
  });
  assertEquals(packages.map(({ path }) => path), [dir.at("dist", "hello.psp")]);
  const trustedKeys = [pair.publicKey];
  for (const { path } of packages) {
    assert((await verifyPackage(path, { trustedKeys })).valid);
  }
});

Deno.test("the page's launcher for each platform, read from a path", async () => {
  await using dir = await tempDir();
  const path = await dir.write("flavor-rs-launcher-linux_amd64", LAUNCHER);
  const current = createDenoHost().machine.platform;
  const launchers: Record<string, string> = { [current]: path };
  const builder = new PSPFBuilder().setPackageName("a").setPackageVersion("1");
  builder.setLauncher(await Deno.readFile(launchers[current] ?? ""));
  await using reader = await PSPFReader.open(await build(builder));
  const { launcher } = reader.package.index;
  assertEquals(launcher.size, LAUNCHER.length);
});

Deno.test("the page's error handling: one kind of error with a context", async () => {
  await using dir = await tempDir();
  const builder = new PSPFBuilder().setPackageName("a").setPackageVersion("1")
    .setLauncher(LAUNCHER).addSlot({ name: "app" }, dir.at("missing"));
  try {
    await builder.build(dir.at("a.psp"));
    assert(false, "it was built");
  } catch (error) {
    assert(isPspfError(error));
    assertEquals(error.code, "io/not-found");
    assertStringIncludes(String(error.context["path"]), "missing");
  }
});

Deno.test("the page's batch", async () => {
  await using dir = await tempDir();
  const configs = [
    { name: "app1", version: "1.0.0" },
    { name: "app2", version: "2.0.0" },
  ];
  const outcomes = await buildBatch(
    configs.map(({ name, version }) => ({
      name,
      build: () =>
        new PSPFBuilder().setPackageName(name).setPackageVersion(version)
          .setLauncher(LAUNCHER).build(dir.at("dist", `${name}.psp`)),
    })),
    { jobs: 4 },
  );
  assertEquals(outcomes.map(({ status }) => status), ["built", "built"]);
});

Deno.test("the page's build in CI, where not every variable is there", async () => {
  const env = new Map([["CI_COMMIT_SHA", "abc"]]);
  const builder = new PSPFBuilder()
    .setPackageName(env.get("CI_PROJECT_NAME") ?? "unknown")
    .setPackageVersion(env.get("CI_COMMIT_TAG") ?? "dev")
    .setLauncher(LAUNCHER);
  builder.setMetadata({
    build: {
      ci: true,
      pipeline_id: env.get("CI_PIPELINE_ID"),
      commit: env.get("CI_COMMIT_SHA"),
    },
  });
  await using reader = await PSPFReader.open(await build(builder));
  assertEquals(reader.metadata.package.version, "dev");
  assertEquals(reader.metadata.build?.extra, { ci: true, commit: "abc" });
});

Deno.test("the page's incremental builds: only what changed is compressed", async () => {
  await using dir = await tempDir();
  const run = async (texts: readonly string[]): Promise<readonly boolean[]> => {
    const builder = new PSPFBuilder().setPackageName("a").setPackageVersion("1")
      .setLauncher(LAUNCHER)
      .withOptions({ cache: { directory: dir.at("cache") } });
    for (const [id, text] of texts.entries()) {
      builder.addSlot(
        { id, name: `slot${id}`, operations: "zstd" },
        new TextEncoder().encode(text),
      );
    }
    const { slots } = await builder.build(dir.at("a.psp"));
    return slots.map(({ isCached }) => isCached);
  };
  const [one, two] = ["1".repeat(9000), "2".repeat(9000)];
  assertEquals(await run([one, two]), [false, false]);
  assertEquals(await run([one, "3".repeat(9000)]), [true, false]);
});

async function build(builder: PSPFBuilder): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(builder.build()).arrayBuffer());
}

async function manifestIn(dir: TempDir): Promise<string> {
  await dir.write("hello.sh", "echo hello\n");
  return await dir.write(
    "flavor.toml",
    `
    package = { name = "hello", version = "1" }
    execution = { command = "sh {workenv}/hello.sh" }
    slots = [{ id = "s", source = "hello.sh", target = "hello.sh" }]
    `,
  );
}
