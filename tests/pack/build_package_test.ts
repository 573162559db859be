import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { buildPackage } from "../../lib/pack/build_package.ts";
import { keyFingerprint, keyPairFromSeed } from "@flavor/pspf/crypto";
import { BytesSource, MemoryTarget } from "@flavor/pspf/io";
import { parseManifest } from "@flavor/pspf/manifest";
import { PSPFReader, verifyPackage } from "@flavor/pspf/read";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { readAll } from "../support/trickle.ts";
import {
  buildInMemory,
  fileSource,
  OUR_LAUNCHER,
  planOf,
  textSource,
} from "./build_in_memory.ts";

const FILE_SLOT = '{ id = "app", source = "app", target = "bin/app" }';
const TREE_SLOT = '{ id = "lib", source = "lib", target = "share/lib" }';
const LIB = {
  "a/one.txt": { content: "one", mode: 0o755 },
  "two": { target: "a/one.txt" },
};

function fileSlot(rest: string): string {
  return `{ id = "app", source = "app", target = "bin/app", ${rest} }`;
}

/** A plain tar archive, as another tool would write it. */
async function tarOf(lib: typeof LIB): Promise<Uint8Array> {
  const plan = planOf([
    '{ id = "lib", source = "lib", target = "{workenv}", operations = "tar" }',
  ]);
  const { bytes } = await buildInMemory(plan, { lib });
  await using reader = await PSPFReader.open(bytes);
  return await readAll(reader.streamSlot(0, { raw: true }));
}

Deno.test("writePackage() writes a package that verifies at strict", async () => {
  const app = pseudoRandomBytes(10_000, 5);
  const { bytes, report } = await buildInMemory(
    planOf([FILE_SLOT, TREE_SLOT]),
    { app, lib: LIB },
    { mode: 0o755 },
  );
  const verdict = await verifyPackage(new BytesSource(bytes), {
    level: "strict",
  });
  assertEquals(verdict.checks.filter(({ status }) => status === "fail"), []);
  assert(verdict.valid);
  assertEquals(report.packageSize, bytes.length);
  assertEquals(report.warnings, []);
  assertEquals(
    report.slots.map(({ metadata, source }) => [
      metadata.operations,
      source.files,
      source.isKept,
    ]),
    [["zstd", 1, false], ["tar.zst", 1, false]],
  );

  await using reader = await PSPFReader.open(bytes);
  assertEquals(await readAll(reader.streamSlot("app")), app);
  assertEquals(reader.slot("app").metadata.permissions, "0755");
  const target = new MemoryTarget();
  await reader.extractSlot("lib", target);
  assertEquals([...target.entries.keys()].sort(), [
    ...["share", "share/lib", "share/lib/a", "share/lib/a/one.txt"],
    "share/lib/two",
  ]);
});

Deno.test("writePackage() reports the key that signed", async () => {
  const keyPair = await keyPairFromSeed("somebody");
  const { report } = await buildInMemory(planOf([]), {}, { keyPair });
  assertEquals(report.keyFingerprint, await keyFingerprint(keyPair.publicKey));
});

Deno.test("buildPackage() streams the bytes that writePackage() writes", async () => {
  const plan = planOf([FILE_SLOT]);
  const { bytes } = await buildInMemory(plan, { app: "x".repeat(9000) });
  let reported = 0;
  const stream = buildPackage(plan, {
    launcher: textSource(OUR_LAUNCHER),
    keyPair: await keyPairFromSeed("test"),
    openSource: () => Promise.resolve(fileSource("x".repeat(9000))),
  }, ({ packageSize }) => reported = packageSize);
  assertEquals(await readAll(stream), bytes);
  assertEquals(reported, bytes.length);
});

Deno.test("writePackage() chooses operations by what the source is", async (t) => {
  const big = pseudoRandomBytes(8000, 4);
  const cases: Record<string, readonly [Uint8Array | string, string]> = {
    "a small file": ["x".repeat(4096), "raw"],
    "a larger file": ["x".repeat(4097), "zstd"],
    "a gzip file": [gzipSync(pseudoRandomBytes(8000)), "raw"],
    "a zstd file": [zstdCompressSync(pseudoRandomBytes(8000)), "raw"],
    "a file too small for the Go launcher": ["tiny", "gzip"],
    "an empty file": ["", "gzip"],
  };
  for (const [name, [app, expected]] of Object.entries(cases)) {
    await t.step(name, async () => {
      const { bytes, report } = await buildInMemory(planOf([FILE_SLOT]), {
        app,
      });
      assertEquals(report.slots[0]?.metadata.operations, expected);
      assert((report.slots[0]?.size ?? 0) >= 16);
      await using reader = await PSPFReader.open(bytes);
      const plain = typeof app === "string"
        ? new TextEncoder().encode(app)
        : new Uint8Array(app);
      assertEquals(await readAll(reader.streamSlot("app")), plain);
    });
  }
  await t.step("explicit operations", async () => {
    for (const operations of ["raw", "gzip", "zstd", "gzip|zstd"]) {
      const plan = planOf([fileSlot(`operations = "${operations}"`)]);
      const { bytes, report } = await buildInMemory(plan, { app: big });
      assertEquals(report.slots[0]?.metadata.operations, operations);
      await using reader = await PSPFReader.open(bytes);
      assertEquals(await readAll(reader.streamSlot("app")), big);
    }
  });
});

Deno.test("writePackage() keeps input that is encoded already", async (t) => {
  const plain = pseudoRandomBytes(50_000, 5);
  const tar = await tarOf(LIB);
  const cases: Record<string, readonly [Uint8Array, string, number]> = {
    "gzip": [gzipSync(plain), "gzip", plain.length],
    "zstd": [zstdCompressSync(plain), "zstd", plain.length],
    "tar": [tar, "tar", tar.length],
    "tar.gz": [gzipSync(tar), "tgz", tar.length],
    "tar.zst": [zstdCompressSync(tar), "tar.zst", tar.length],
  };
  for (const [name, [app, operations, originalSize]] of Object.entries(cases)) {
    await t.step(name, async () => {
      const plan = planOf([fileSlot(`operations = "${operations}"`)]);
      const { bytes, report } = await buildInMemory(plan, { app });
      const [slot] = report.slots;
      assertEquals(
        [slot?.size, slot?.originalSize, slot?.metadata.operations],
        [
          app.length,
          originalSize,
          name,
        ],
      );
      const verdict = await verifyPackage(new BytesSource(bytes));
      assert(verdict.valid);
    });
  }
  await t.step("a plain archive is compressed, not wrapped", async () => {
    const plan = planOf([fileSlot('operations = "tar.gz"')]);
    const { report } = await buildInMemory(plan, { app: tar });
    assertEquals(report.slots[0]?.originalSize, tar.length);
    assertEquals(report.slots[0]?.metadata.target, "{workenv}");
  });
});

Deno.test("writePackage() refuses input that is not what its label says", async (t) => {
  const damaged = new Uint8Array(gzipSync(pseudoRandomBytes(50_000, 5)));
  damaged[20_000] = (damaged[20_000] ?? 0) ^ 1;
  const cases = {
    "compress/corrupt": [
      ["gzip", damaged],
      ["gzip", damaged.subarray(0, 10_000)],
      ["zstd", zstdCompressSync("text").subarray(0, 9)],
    ],
    "build/failed": [["tar.gz", gzipSync("no archive")]],
    "manifest/invalid": [
      ["tar", "no archive"],
      ["tar.gz", "no archive"],
      ["gzip|tar", "no archive"],
    ],
    "compress/unsupported": [["xz", "text"], ["bzip2", "text"]],
  } as const;
  for (const [code, inputs] of Object.entries(cases)) {
    for (const [operations, app] of inputs) {
      await t.step(`${operations}: ${code}`, async () => {
        const plan = planOf([fileSlot(`operations = "${operations}"`)]);
        await rejectsCode(
          code as keyof typeof cases,
          () =>
            buildInMemory(plan, { app }, {
              launcher: textSource(
                OUR_LAUNCHER.replace("zstd;", "zstd,xz,bzip2;"),
              ),
            }),
        );
      });
    }
  }
  await t.step("a directory without tar", async () => {
    const plan = planOf([
      '{ id = "lib", source = "lib", target = "x", operations = "zstd" }',
    ]);
    const error = await rejectsCode(
      "manifest/invalid",
      () => buildInMemory(plan, { lib: LIB }),
    );
    assert(error.hint?.includes("tar.zst"));
  });
});

Deno.test("writePackage() refuses targets that cannot be", async (t) => {
  const sources = { app: "x".repeat(50), lib: LIB };
  const cases: Record<string, readonly string[]> = {
    "a file at the workenv itself": [
      '{ id = "app", source = "app", target = "{workenv}" }',
    ],
    "a placeholder inside of an archive": [
      '{ id = "lib", source = "lib", target = "{os}/lib" }',
    ],
    "a file below a file": [
      '{ id = "app", source = "app", target = "bin" }',
      '{ id = "two", source = "app", target = "bin/two" }',
    ],
    "a directory at the place of a file": [
      '{ id = "app", source = "app", target = "bin" }',
      '{ id = "lib", source = "lib", target = "bin/lib" }',
    ],
  };
  for (const [name, slots] of Object.entries(cases)) {
    await t.step(name, async () => {
      await rejectsCode(
        "manifest/invalid",
        () => buildInMemory(planOf(slots), sources),
      );
    });
  }
});

Deno.test("writePackage() refuses operations that the launcher cannot undo", async () => {
  const launcher = textSource(
    "flavor-rs-launcher/1 pspf-2025 ops=raw,tar,gzip;",
  );
  const error = await rejectsCode(
    "build/limit",
    () => buildInMemory(planOf([TREE_SLOT]), { lib: LIB }, { launcher }),
  );
  assertEquals(error.context.operation, "zstd");
});

Deno.test("writePackage() records sources without paths of the machine", async () => {
  const slots = [
    '{ id = "a", source = "/home/me/app", target = "a" }',
    '{ id = "b", source = "C:\\\\build\\\\app.exe", target = "b" }',
    '{ id = "c", source = "{workenv}/c", target = "c" }',
    '{ id = "d", source = "build/d", target = "d" }',
  ];
  const { report } = await buildInMemory(planOf(slots), {
    "/home/me/app": "a".repeat(20),
    "C:\\build\\app.exe": "b".repeat(20),
    "{workenv}/c": "c".repeat(20),
    "build/d": "d".repeat(20),
  });
  const sources = report.slots.map(({ metadata }) => metadata.source);
  assertEquals(sources, ["app", "app.exe", "{workenv}/c", "build/d"]);
});

Deno.test("writePackage() keeps of a file's mode what its owner may do", async () => {
  const cases = [[0o700, "0755"], [0o600, "0644"], [0o440, "0444"]] as const;
  for (const [mode, expected] of cases) {
    const app = "x".repeat(50);
    const { bytes } = await buildInMemory(planOf([FILE_SLOT]), { app }, {
      mode,
    });
    await using reader = await PSPFReader.open(bytes);
    assertEquals(reader.slot(0).metadata.permissions, expected);
  }
});

Deno.test("writePackage() keeps custom metadata, environment and setup", async () => {
  const plan = parseManifest(
    JSON.stringify({
      package: { name: "demo", version: "1", description: "d" },
      execution: { command: "app", env: { B: "2", A: "1" } },
      slots: [],
      runtime: { env: { unset: ["X"], set: { Z: "1", Y: "2" } } },
      workenv: { directories: ["tmp"], env: {} },
      setup_commands: ["first"],
      cache_validation: { check_file: "f", expected_content: "c" },
      custom: { team: ["tools"] },
    }),
    { format: "json" },
  );
  const { bytes } = await buildInMemory(plan, {});
  await using reader = await PSPFReader.open(bytes);
  const metadata = reader.metadata;
  assertEquals(metadata.package, plan.package);
  assertEquals(metadata.runtime, plan.runtime);
  assertEquals(metadata.custom, { team: ["tools"] });
  assertEquals(metadata.setupCommands, [{ type: "execute", command: "first" }]);
  assertEquals(metadata.cacheValidation, plan.cacheValidation);
  assertEquals(Object.keys(metadata.execution.env), ["A", "B"]);
});

Deno.test("writePackage() warns about patterns without effect", async () => {
  const { report } = await buildInMemory(
    planOf([
      '{ id = "lib", source = "lib", target = "x", include = ["a", "*.rs"] }',
      '{ id = "app", source = "app", target = "y", exclude = ["z"] }',
    ]),
    { lib: LIB, app: "x".repeat(50) },
  );
  assertEquals(report.warnings.length, 2);
  assert(report.warnings[0]?.includes('"*.rs" matches nothing'));
  assert(report.warnings[1]?.startsWith("slots[1].exclude has no effect"));
});

Deno.test("writePackage() stops in the middle when it is told to", async () => {
  const controller = new AbortController();
  await assertRejects(
    () =>
      buildInMemory(
        planOf([FILE_SLOT]),
        { app: pseudoRandomBytes(3_000_000) },
        {
          jobs: 2,
          signal: controller.signal,
          onProgress: ({ stage }) => {
            if (stage === "pack") controller.abort();
          },
        },
      ),
    DOMException,
    "aborted",
  );
});

Deno.test("buildPackage() closes everything when the stream is cancelled", async () => {
  const closed: string[] = [];
  class Watched extends BytesSource {
    override [Symbol.asyncDispose](): Promise<void> {
      closed.push(this.name);
      return Promise.resolve();
    }
  }
  const stream = buildPackage(planOf([FILE_SLOT]), {
    launcher: textSource(OUR_LAUNCHER),
    keyPair: await keyPairFromSeed("test"),
    openSource: () =>
      Promise.resolve({
        kind: "file",
        mode: 0o644,
        open: () =>
          Promise.resolve(
            new Watched(pseudoRandomBytes(3_000_000), "source"),
          ),
      }),
  });
  const reader = stream.getReader();
  // The launcher, zeros behind it, and the first frame of the slot.
  for (let chunk = 0; chunk < 3; chunk++) await reader.read();
  await reader.cancel();
  // Once after it was looked at, once after it was read.
  assertEquals(closed, ["source", "source"]);
});

Deno.test("writePackage() tells how far it is, up to the end", async () => {
  const seen: string[] = [];
  await buildInMemory(planOf([FILE_SLOT, TREE_SLOT]), {
    app: pseudoRandomBytes(600_000),
    lib: LIB,
  }, {
    onProgress: ({ stage, completed, total }) => {
      assert(completed <= total, `${completed} of ${total}`);
      if (completed === total) seen.push(stage);
    },
  });
  assertEquals(seen.at(-1), "pack");
});

Deno.test("writePackage() signs the version and the source that the launcher itself names", async () => {
  const source = "ab".repeat(32);
  const marker = "flavor-rs-launcher/1 pspf-2025 ops=raw,tar,gzip,zstd;";
  for (
    const [text, version, expected] of [
      [
        `${marker} version=9.8.7 source=${source};`,
        "9.8.7",
        `sha256:${source}`,
      ],
      [`${marker} version=9.8.7 source=unknown;`, "9.8.7", undefined],
      [marker, "unknown", undefined],
      ["somebody's launcher", "unknown", undefined],
    ] as const
  ) {
    // The marker may lie across two reads.
    for (const padding of [0, 262_144 - 20, 1_048_576 - 100]) {
      const launcher = textSource(
        "\0".repeat(padding) + text + "\0".repeat(99),
      );
      const { bytes } = await buildInMemory(planOf([]), {}, { launcher });
      await using reader = await PSPFReader.open(bytes);
      assertEquals(reader.metadata.launcher?.toolVersion, version);
      assertEquals(reader.metadata.launcher?.source, expected);
    }
  }
});

Deno.test("writePackage() tells how much it has read, block by block", async () => {
  const app = pseudoRandomBytes(9 << 20);
  const seen: number[] = [];
  await buildInMemory(planOf([FILE_SLOT]), { app }, {
    onProgress: ({ stage, slot, completed, total }) => {
      assertEquals([stage, slot, total], ["pack", "app", app.length]);
      seen.push(completed);
    },
  });
  assertEquals(seen, Array.from({ length: 9 }, (_, at) => (at + 1) << 20));
});
