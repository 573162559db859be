/** What packages and trusted keys may be given as, and sources that lie. */

import {
  extractPackage,
  inspectPackage,
  keyFingerprint,
  pack,
  PSPFReader,
  type TrustedKey,
  verifyPackage,
} from "@flavor/pspf";
import { encodePublicKeyPem, keyPairFromSeed } from "@flavor/pspf/crypto";
import { BytesSource, type RandomAccessSource } from "@flavor/pspf/io";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { toFileUrl } from "@std/path";
import { MAX_KEY_FILE_SIZE } from "../../lib/crypto/key_file.ts";
import { OUR_LAUNCHER } from "../pack/build_in_memory.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

async function packDemo(dir: TempDir): Promise<string> {
  await dir.write("src/bin/run", "#!/bin/sh\n", 0o755);
  await dir.write("src/data.txt", "data\n".repeat(1000));
  const { path } = await pack({
    name: "demo",
    version: "1.0.0",
    execution: { argv: ["{workenv}/app/bin/run"] },
    slots: {
      app: dir.at("src"),
      "notes.txt": { data: new Blob(["notes"]), permissions: 0o600 },
    },
    launcher: new TextEncoder().encode(OUR_LAUNCHER),
    key: { seed: "test" },
    output: dir.at("demo.psp"),
  });
  return path;
}

Deno.test("a package may be a path, a URL, bytes, a blob or a source", async () => {
  await using dir = await tempDir();
  const path = await packDemo(dir);
  const bytes = await Deno.readFile(path);
  for (
    const input of [
      path,
      toFileUrl(path),
      bytes,
      new Blob([bytes]),
      new BytesSource(bytes),
    ]
  ) {
    assert((await verifyPackage(input)).valid);
    assertEquals((await inspectPackage(input)).package.name, "demo");
    await using reader = await PSPFReader.open(input);
    assertEquals(reader.slots.map(({ id }) => id), ["app", "notes.txt"]);
  }
});

Deno.test("pack() finds a name for the package where none is given", async () => {
  await using dir = await tempDir();
  const before = Deno.cwd();
  try {
    Deno.chdir(dir.path);
    const { path } = await pack({
      name: "a b",
      version: "1",
      slots: {},
      launcher: new Uint8Array(100),
    });
    assertEquals(path, dir.at("a_b.psp"));
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("PSPFReader.entries() lists an archive and a single file", async () => {
  await using dir = await tempDir();
  await using reader = await PSPFReader.open(await packDemo(dir));
  const list = (slot: string): Promise<readonly string[]> =>
    Array.fromAsync(
      reader.entries(slot),
      ({ kind, path }) => `${kind} ${path}`,
    );
  assertEquals(await list("app"), [
    "directory app",
    "directory app/bin",
    "file app/bin/run",
    "file app/data.txt",
  ]);
  assertEquals(await list("notes.txt"), ["file notes.txt"]);
});

Deno.test("PSPFReader.entries() gives the content of files", async () => {
  await using dir = await tempDir();
  await using reader = await PSPFReader.open(await packDemo(dir));
  const texts: string[] = [];
  for await (const entry of reader.entries("app")) {
    if (entry.kind !== "file") continue;
    texts.push((await new Response(entry.content).text()).slice(0, 9));
  }
  assertEquals(texts, ["#!/bin/sh", "data\ndata"]);
});

Deno.test("extractPackage() gives the directory as a whole, or none", async () => {
  await using dir = await tempDir();
  const path = await packDemo(dir);
  await extractPackage(path, dir.at("out"));
  assertEquals(await Deno.readTextFile(dir.at("out/notes.txt")), "notes");
  const { mode } = await Deno.stat(dir.at("out/app/bin/run"));
  assertEquals((mode ?? 0) & 0o777, 0o755);
  const bytes = await Deno.readFile(path);
  await using reader = await PSPFReader.open(bytes);
  const at = reader.slot("notes.txt").offset;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await rejectsCode(
    "verify/slot-digest",
    () => extractPackage(bytes, dir.at("bad")),
  );
  await rejectsCode("io/exists", () => extractPackage(path, dir.at("out")));
  const names = await Array.fromAsync(
    Deno.readDir(dir.path),
    ({ name }) => name,
  );
  assertEquals(names.toSorted(), ["demo.psp", "out", "src"]);
});

Deno.test("a trusted key may be a fingerprint, PEM text, bytes, a path or a URL", async () => {
  await using dir = await tempDir();
  const path = await packDemo(dir);
  const { publicKey } = await keyPairFromSeed("test");
  const fingerprint = await keyFingerprint(publicKey);
  const pem = encodePublicKeyPem(publicKey);
  const file = await dir.write("public.key", pem);
  const keys: readonly TrustedKey[] = [
    fingerprint,
    `sha256:${fingerprint.toUpperCase()}`,
    pem,
    publicKey,
    file,
    toFileUrl(file),
  ];
  for (const key of keys) {
    assert((await verifyPackage(path, { trustedKeys: [key] })).valid, `${key}`);
  }
  const other = await keyFingerprint(
    (await keyPairFromSeed("other")).publicKey,
  );
  const { valid, checks } = await verifyPackage(path, { trustedKeys: [other] });
  assertEquals(valid, false);
  const failed = checks.filter(({ status }) => status === "fail");
  assertEquals(failed.map(({ code }) => code), ["verify/untrusted-key"]);
});

Deno.test("a trusted key that is none of these is an error", async () => {
  await using dir = await tempDir();
  const path = await packDemo(dir);
  const empty = await dir.write("empty", "");
  const { publicKey } = await keyPairFromSeed("test");
  const pem = encodePublicKeyPem(publicKey);
  const most = await dir.write("most", pem.padEnd(MAX_KEY_FILE_SIZE, "\n"));
  assert((await verifyPackage(path, { trustedKeys: [most] })).valid);
  const long = await dir.write("long", pem.padEnd(MAX_KEY_FILE_SIZE + 1, "\n"));
  for (
    const key of ["abc", "f".repeat(63), "", dir.at("missing"), empty, long]
  ) {
    await rejectsCode(
      "crypto/bad-key",
      () => verifyPackage(path, { trustedKeys: [key] }),
    );
  }
  // What is there and cannot be read is another matter.
  await rejectsCode(
    "io/failed",
    () => verifyPackage(path, { trustedKeys: [dir.path] }),
  );
});

Deno.test("verifyPackage() never calls a package valid whose source gives less than it says", async () => {
  await using dir = await tempDir();
  const bytes = await Deno.readFile(await packDemo(dir));
  const source = new BytesSource(bytes);
  const cutRead = (most: number): RandomAccessSource => ({
    name: "short",
    size: bytes.length,
    read: (offset, length) => source.read(offset, Math.min(length, most)),
    stream: (offset, length) => source.stream(offset, length),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  const cutStream = (less: number): RandomAccessSource => ({
    ...cutRead(Infinity),
    stream: (offset, length) =>
      source.stream(offset, Math.max(0, length - less)),
  });
  await using reader = await PSPFReader.open(bytes);
  for (
    const [short, end] of [
      [cutRead(0), 0],
      [cutRead(100), 100],
      // The slots come in one stream, which goes on behind them.
      [cutStream(1), OUR_LAUNCHER.length - 1],
      [cutStream(1e9), reader.slot(0).offset],
    ] as const
  ) {
    const error = await rejectsCode("io/failed", () => verifyPackage(short));
    const { context: { offset }, message } = error;
    assertEquals(
      message,
      `Cannot read "short": it ends at ${offset}, expected ${bytes.length} bytes`,
    );
    assertEquals(offset, end);
  }
  assert((await verifyPackage(cutStream(0))).valid);
});

Deno.test("verifyPackage() passes on what a source throws", async () => {
  await using dir = await tempDir();
  const bytes = await Deno.readFile(await packDemo(dir));
  const source = new BytesSource(bytes);
  let reads = 0;
  let streams = 0;
  const failing = (at: number): RandomAccessSource => ({
    name: "failing",
    size: bytes.length,
    read: (offset, length) => {
      if (reads++ === at) throw new Error("the line went dead");
      return source.read(offset, length);
    },
    stream: (offset, length) => {
      if (streams++ === at) throw new Error("the line went dead");
      return source.stream(offset, length);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  for (let at = 0; at < 3; at++) {
    [reads, streams] = [0, 0];
    const report = await verifyPackage(failing(at)).catch(String);
    assertEquals(report, "Error: the line went dead");
  }
});

for (
  const [example, expected] of [
    ["check_package.ts", "ok    every byte is as it was signed"],
    ["analyze_package.ts", "demo 1.0.0"],
  ] as const
) {
  Deno.test(`docs/examples/${example} needs to read the package and nothing else`, async () => {
    await using dir = await tempDir();
    const path = await packDemo(dir);
    const run = async (
      ...args: readonly string[]
    ): Promise<{ out: string; err: string }> => {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-prompt", ...args, path],
        cwd: new URL("../..", import.meta.url),
      }).output();
      const decoder = new TextDecoder();
      return { out: decoder.decode(stdout), err: decoder.decode(stderr) };
    };
    const script = `docs/examples/${example}`;
    const { out, err } = await run(`--allow-read=${path}`, script);
    assertEquals(out.split("\n")[0], expected, err);
    // Without it, the error says what is missing in our own words.
    const denied = await run(script);
    assertStringIncludes(denied.out + denied.err, `Cannot open "${path}"`);
    assert(!denied.err.includes("promise) NotCapable"), denied.err);
  });
}
