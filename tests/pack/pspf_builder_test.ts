import {
  generateKeyPair,
  isPspfError,
  MemoryTree,
  Operation,
  OperationChain,
  PSPFBuilder,
  PspfError,
  PSPFReader,
  SlotLifecycle,
  SlotPurpose,
  verifyPackage,
} from "@flavor/pspf";
import { keyPairFromSeed } from "@flavor/pspf/crypto";
import { BytesSource } from "@flavor/pspf/io";
import type { BuildPlan } from "@flavor/pspf/manifest";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { OUR_LAUNCHER } from "./build_in_memory.ts";

const LAUNCHER = new TextEncoder().encode(OUR_LAUNCHER);

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** A builder that lacks nothing but slots. */
function newBuilder(): PSPFBuilder {
  return new PSPFBuilder()
    .setPackageName("demo")
    .setPackageVersion("1.2.3")
    .setMetadata({ execution: { command: "true" } })
    .setLauncher(LAUNCHER)
    .withKeys({ seed: "test" });
}

async function build(builder: PSPFBuilder): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(builder.build()).arrayBuffer());
}

async function readSlot(
  bytes: Uint8Array,
  slot: number | string,
): Promise<string> {
  await using reader = await PSPFReader.open(bytes);
  return await new Response(reader.streamSlot(slot)).text();
}

function problemsOf(work: () => BuildPlan): readonly string[] {
  const error = assertThrows(work, PspfError);
  assertEquals(error.code, "manifest/invalid");
  const problems = error.context["problems"] as readonly { path: string }[];
  return problems.map(({ path }) => path);
}

Deno.test("PSPFBuilder builds the same bytes by statements and by a chain", async () => {
  const builder = new PSPFBuilder();
  builder.setPackageName("demo");
  builder.setPackageVersion("1.2.3");
  builder.setMetadata({ execution: { command: "true" } });
  builder.setLauncher(LAUNCHER);
  builder.withKeys({ seed: "test" });
  builder.addSlot({ name: "a" }, bytesOf("hello"));
  assertEquals(
    await build(builder),
    await build(newBuilder().addSlot({ name: "a" }, bytesOf("hello"))),
  );
});

Deno.test("PSPFBuilder packs bytes, blobs, streams, sources and trees alike", async () => {
  const text = "content ".repeat(2000);
  const bytes = bytesOf(text);
  const kinds = [
    bytes,
    new Blob([bytes]),
    new Blob([bytes]).stream(),
    new BytesSource(bytes),
  ];
  const packages: Uint8Array[] = [];
  for (const data of kinds) {
    const one = await build(newBuilder().addSlot({ name: "a" }, data));
    assertEquals(await readSlot(one, "a"), text);
    packages.push(one);
  }
  for (const one of packages) assertEquals(one, packages[0]);

  const tree = new MemoryTree({ "bin/app": { content: text, mode: 0o755 } });
  const packed = await build(newBuilder().addSlot({ name: "tree" }, tree));
  await using reader = await PSPFReader.open(packed);
  assertEquals(reader.slot("tree").operations.toString(), "tar.zst");
});

Deno.test("PSPFBuilder stores every field of a descriptor", async () => {
  const builder = newBuilder().addSlot({
    id: 0,
    name: "app",
    operations: new OperationChain().add(Operation.GZIP),
    purpose: SlotPurpose.APPLICATION_CODE,
    lifecycle: SlotLifecycle.CACHE,
    priority: 7,
    platform: "linux",
    permissions: 0o751,
    target: "bin/app",
  }, bytesOf("x".repeat(100)));
  await using reader = await PSPFReader.open(await build(builder));
  const [slot] = reader.slots;
  assert(slot !== undefined);
  assertEquals(slot.metadata.id, "app");
  assertEquals(slot.metadata.target, "bin/app");
  assertEquals(slot.metadata.purpose, "code");
  assertEquals(slot.metadata.lifecycle, "cache");
  assertEquals(slot.operations.encode(), 0x10n);
  assertEquals(slot.descriptor.priority, 7);
  assertEquals(slot.descriptor.platform, 1);
  assertEquals(slot.permissions, 0o751);
});

Deno.test("PSPFBuilder takes a chain as object, number, name and codes", async () => {
  const packages: Uint8Array[] = [];
  for (
    const operations of [
      OperationChain.parse("gzip"),
      0x10n,
      "gzip",
      [Operation.GZIP],
    ]
  ) {
    const builder = newBuilder()
      .addSlot({ name: "a", operations }, bytesOf("y".repeat(50)));
    packages.push(await build(builder));
  }
  for (const one of packages) assertEquals(one, packages[0]);
});

Deno.test("PSPFBuilder merges metadata, and custom sections survive a round trip", async () => {
  const builder = newBuilder()
    .setMetadata({
      description: "first",
      custom: {
        team: { name: "blue", members: [1, 2] },
        [`${"__proto__"}`]: 1,
      },
    })
    .setMetadata({
      description: "second",
      execution: { env: { A: "1" }, primarySlot: "b" },
      custom: {
        team: { members: [3] },
        release: { stable: true, notes: null },
      },
    })
    .addSlot({ name: "a" }, bytesOf("a"))
    .addSlot({ name: "b" }, bytesOf("b"));
  await using reader = await PSPFReader.open(await build(builder));
  const metadata = reader.metadata;
  assertEquals(metadata.package.description, "second");
  assertEquals(metadata.execution.command, "true");
  assertEquals(metadata.execution.env, { A: "1" });
  assertEquals(metadata.execution.primarySlot, 1);
  // As text, because comparisons pass over a key of this name.
  assertEquals(
    JSON.stringify(metadata.custom),
    '{"team":{"name":"blue","members":[3]},"__proto__":1,"release":{"stable":true,"notes":null}}',
  );
});

Deno.test("PSPFBuilder names everything that is wrong at once", () => {
  const builder = new PSPFBuilder()
    .setPackageName("a/b")
    .setMetadata({
      custom: { when: new Date(0) as unknown as string },
      ...{ licence: "MIT" },
    })
    .addSlot({ name: "", operations: "rot13", priority: 256 }, bytesOf(""))
    .addSlot({ id: 5, name: "x", permissions: 0o4755 }, bytesOf(""))
    .addSlot({ name: "x", operations: 0x7fn }, 7 as unknown as Uint8Array);
  const paths = problemsOf(() => builder.plan());
  for (
    const path of [
      "name",
      "version",
      "metadata.licence",
      "metadata.custom.when",
      "slots[0].name",
      "slots[0].operations",
      "slots[0].priority",
      "slots[1].id",
      "slots[1].permissions",
      "slots[2].operations",
      "slots[2].data",
    ]
  ) assert(paths.includes(path), `${path} is not among ${paths.join(", ")}`);
  assertThrows(() => builder.build(), PspfError);
});

Deno.test("PSPFBuilder takes a snapshot at build(), and can build again", async () => {
  const builder = newBuilder().addSlot({ name: "a" }, bytesOf("a"));
  const stream = builder.build();
  builder.addSlot({ name: "b" }, bytesOf("b")).setPackageName("other")
    .withKeys({ seed: "other" });
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  await using reader = await PSPFReader.open(bytes);
  assertEquals(reader.slots.length, 1);
  assertEquals(reader.metadata.package.name, "demo");
  assertEquals(reader.publicKey, (await keyPairFromSeed("test")).publicKey);
  await using other = await PSPFReader.open(await build(builder));
  assertEquals(other.slots.length, 2);
});

Deno.test("PSPFBuilder.clone() leaves the original alone", () => {
  const builder = newBuilder();
  const copy = builder.clone().setPackageName("copy");
  copy.setMetadata({ custom: { a: 1 } });
  assertEquals(builder.plan().package.name, "demo");
  assertEquals(builder.plan().custom, undefined);
  assertEquals(copy.plan().package.name, "copy");
});

Deno.test("PSPFBuilder refuses to pack one stream twice", async () => {
  const builder = newBuilder()
    .addSlot({ name: "a" }, new Blob(["once"]).stream());
  await build(builder);
  const error = await assertRejects(() => build(builder));
  assert(isPspfError(error, "build/failed"), String(error));
});

Deno.test("PSPFBuilder passes on what a stream throws", async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull(controller): void {
      controller.error(new Error("the line went dead"));
    },
  });
  await assertRejects(
    () => build(newBuilder().addSlot({ name: "a" }, broken)),
    Error,
    "the line went dead",
  );
});

Deno.test("PSPFBuilder leaves the sources of its caller open", async () => {
  let closed = false;
  const bytes = bytesOf("lent");
  const source = new BytesSource(bytes);
  const lent = Object.assign(source, {
    [Symbol.asyncDispose]: () => {
      closed = true;
      return Promise.resolve();
    },
  });
  await build(newBuilder().addSlot({ name: "a" }, lent).setLauncher(lent));
  assertEquals(closed, false);
});

Deno.test("PSPFBuilder holds a slot to the checksum that was expected", async () => {
  await using first = await PSPFReader.open(
    await build(newBuilder().addSlot({ name: "a" }, bytesOf("v1"))),
  );
  const [slot] = first.slots;
  assert(slot !== undefined);
  const pinned = {
    name: "a",
    checksum: slot.metadata.checksum,
    size: slot.size,
    offset: slot.offset,
  };
  await build(newBuilder().addSlot(pinned, bytesOf("v1")));
  for (
    const [field, descriptor, content] of [
      ["checksum", pinned, "v2"],
      ["size", { ...pinned, size: slot.size + 1 }, "v1"],
      ["offset", { ...pinned, offset: slot.offset + 8 }, "v1"],
    ] as const
  ) {
    const error = await assertRejects(() =>
      build(newBuilder().addSlot(descriptor, bytesOf(content)))
    );
    assert(isPspfError(error, "build/failed"), String(error));
    assertEquals(error.context["field"], field);
  }
});

Deno.test("PSPFBuilder signs with a fresh key when none is given", async () => {
  const builder = new PSPFBuilder().setPackageName("a").setPackageVersion("1")
    .setMetadata({ execution: { command: "true" } }).setLauncher(LAUNCHER);
  await using one = await PSPFReader.open(await build(builder));
  await using two = await PSPFReader.open(await build(builder));
  assert(await one.verifySignature());
  assert(one.publicKey.join() !== two.publicKey.join());
});

Deno.test("PSPFBuilder signs with a given pair", async () => {
  const pair = await generateKeyPair();
  const bytes = await build(newBuilder().withKeys(pair));
  const { valid } = await verifyPackage(new BytesSource(bytes), {
    level: "strict",
    trustedKeys: [pair.publicKey],
  });
  assert(valid);
});

Deno.test("PSPFBuilder stops when its signal is aborted", async () => {
  const reason = new Error("enough");
  const builder = newBuilder()
    .addSlot({ name: "a" }, bytesOf("a"))
    .withOptions({ signal: AbortSignal.abort(reason) });
  assertEquals(await assertRejects(() => build(builder)), reason);
});
