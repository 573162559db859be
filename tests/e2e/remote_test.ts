/** What a large package costs that is far away, and that it starts. */

import { PSPFBuilder } from "@flavor/pspf";
import { MemoryTree } from "@flavor/pspf/io";
import { PSPFReader, verifyPackage } from "@flavor/pspf/read";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { OUR_LAUNCHER } from "../pack/build_in_memory.ts";
import { serveBytes } from "../support/http_server.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { startRegistry } from "../support/registry.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { examplePackage } from "./support/example_package.ts";
import { flavor, flavorCommand, run } from "./support/processes.ts";

const SIZE = 100_000_000;
const TAIL = 64 * 1024;

/** A tree of 1,100 files, which do not compress. */
async function writeLargePackage(dir: TempDir): Promise<string> {
  const noise = pseudoRandomBytes(SIZE + 3_000_000);
  const files: Record<string, { content: Uint8Array }> = {};
  let at = 0;
  for (let i = 0; at < SIZE; i++) {
    const size = i % 50 === 0 ? 3_000_000 : i * 7919 % 60_000;
    const content = noise.subarray(at, at += size);
    files[`d${i % 40}/f${i}`] = { content };
  }
  const stream = new PSPFBuilder()
    .setPackageName("large")
    .setPackageVersion("1")
    .setMetadata({ execution: { command: "true" } })
    .addSlot({ name: "lib", operations: "tar.zst" }, new MemoryTree(files))
    .setLauncher(new TextEncoder().encode(OUR_LAUNCHER))
    .withKeys({ seed: "large" })
    .build();
  const path = dir.at("large.psp");
  await Deno.writeFile(path, stream);
  return path;
}

/** A server in a process of its own. */
interface Server extends AsyncDisposable {
  readonly url: string;
  /** How much was asked for since the last call, request by request. */
  asked(): readonly number[];
}

async function startServer(path: string): Promise<Server> {
  const script = new URL("../support/static_server.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-config",
      "--no-check",
      "--allow-all",
      script.href,
      path,
    ],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const { promise: port, resolve } = Promise.withResolvers<string>();
  const sizes: number[] = [];
  const reading = (async () => {
    let rest = "";
    for await (
      const text of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      resolve(lines[0] ?? "");
      sizes.push(...lines.map(Number));
    }
  })();
  const url = `http://127.0.0.1:${await port}/large.psp`;
  sizes.length = 0;
  return {
    url,
    asked: () => sizes.splice(0),
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await child.status;
      await reading;
    },
  };
}

Deno.test("a package of 100 MB that is far away", async (t) => {
  await using dir = await tempDir();
  const path = await writeLargePackage(dir);
  const { size } = await Deno.stat(path);
  assert(size >= SIZE);
  await using server = await startServer(path);
  const { url } = server;
  const settled = async (): Promise<readonly number[]> => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return server.asked();
  };

  await t.step("is inspected in one request", async () => {
    const { code, stdout } = await flavor(["inspect", url, "--json"]);
    assertEquals(code, 0);
    assertEquals(JSON.parse(stdout).size, size);
    assertEquals(await settled(), [TAIL]);
  });
  await t.step("has its structure verified in one request", async () => {
    const { code, stdout } = await flavor(["verify", url, "--level", "none"]);
    assertEquals(code, 0, stdout);
    assertEquals(await settled(), [TAIL]);
  });
  await t.step(
    "gives one file for the frames that hold it, and the search",
    async () => {
      await using reader = await PSPFReader.open(new URL(url));
      const { frames } = reader.slot(0);
      assert(frames !== undefined);
      assertEquals(await settled(), [TAIL]);
      const mean = size / frames.stored.length;
      for (const [path, holding] of [["d7/f47", 1], ["d10/f250", 3]] as const) {
        const { content } = await reader.openFile(0, `lib/${path}`);
        await new Response(content).bytes();
        const asked = await settled();
        const sum = asked.reduce((total, one) => total + one, 0);
        // Half of what is left goes with each frame: 7 of 100.
        const most = Math.ceil(Math.log2(frames.stored.length)) + holding + 1;
        assert(sum <= most * 2 * mean, `${sum} of ${size}, ${asked}`);
        assert(asked.length <= most, `${asked}`);
      }
    },
  );
  await t.step(
    "is verified in one large request, and nothing is fetched twice",
    async () => {
      assertEquals((await verifyPackage(url)).valid, true);
      const asked = await settled();
      const sum = asked.reduce((total, one) => total + one, 0);
      // The paddings around the slot are a few bytes each.
      assert(asked.length <= 4 && sum <= size + TAIL, `${asked}`);
    },
  );
  await t.step("is verified in little memory", async () => {
    const [program, args] = flavorCommand(["verify", "--quiet", url]);
    const { code, stdout } = await run("python3", [
      "-c",
      `import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
sys.exit(code)`,
      program,
      ...args,
    ]);
    assertEquals(code, 0, stdout);
    assert(Number(stdout) <= 200, `${stdout} MiB`);
  });
});

Deno.test("packages start from a web server and from a registry", async () => {
  await using dir = await tempDir();
  const path = await examplePackage("hello-shell");
  const { stdout: expected } = await run(path, ["one", "two"], {
    env: { FLAVOR_CACHE: dir.at("cache") },
  });
  await using server = serveBytes(await Deno.readFile(path));
  await using registry = await startRegistry();
  const at = `${registry.host}/examples/hello:1`;
  const pushed = await flavor(["push", path, at]);
  assertEquals(pushed.code, 0, pushed.stderr);
  const { stdout } = await flavor(["inspect", path, "--json"]);
  const { fingerprint } = JSON.parse(stdout);
  for (const location of [server.url, `oci://${at}`]) {
    const started = await flavor(
      ["run", "--trusted-key", fingerprint, location, "one", "two"],
      { env: { FLAVOR_CACHE: dir.at("cache") } },
    );
    assertEquals(started.code, 0, started.stderr);
    assertEquals(started.stdout, expected);
    const again = await flavor(["run", location, "one", "two"], {
      env: { FLAVOR_CACHE: dir.at("cache") },
    });
    assertEquals(again.stdout, expected);
    assertStringIncludes(again.stderr, "no trusted key was given");
  }
  const digests = await Array.fromAsync(Deno.readDir(dir.at("cache/packages")));
  assertEquals(digests.length, 1);
});
