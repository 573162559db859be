import { assert, assertEquals } from "@std/assert";
import { equals } from "@std/bytes/equals";
import { fromFileUrl } from "@std/path";
import { tempDir } from "../support/temp_dir.ts";
import { demoPackage } from "./demo_packages.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const MIB = 1024 * 1024;

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** A program that prints its address on its first line. */
async function start(
  script: string,
  ...args: readonly string[]
): Promise<Server> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-all",
      ROOT + script,
      ...args,
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`${script} ended`);
    text += new TextDecoder().decode(value);
  }
  return {
    url: text.trim(),
    pid: child.pid,
    async [Symbol.asyncDispose](): Promise<void> {
      await reader.cancel();
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

/** Memory of a process, in bytes. */
async function memoryOf(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(text)?.[1]) * 1024;
}

/** Asks for parts all over a file; gives how many bytes came. */
async function readParts(
  url: string,
  size: number,
  { length, count, seed }: {
    readonly length: number;
    readonly count: number;
    readonly seed: number;
  },
  check: (offset: number, bytes: Uint8Array) => void = () => {},
): Promise<number> {
  let got = 0;
  let state = seed;
  for (let done = 0; done < count; done++) {
    state = state * 48271 % 0x7fffffff;
    const offset = state % (size - length);
    const response = await fetch(url, {
      headers: { range: `bytes=${offset}-${offset + length - 1}` },
    });
    assertEquals(response.status, 206);
    const bytes = await response.bytes();
    assertEquals(bytes.length, length);
    check(offset, bytes);
    got += length;
  }
  return got;
}

Deno.test("two hundred clients at once get the right bytes, and leave no memory behind", async () => {
  if (Deno.build.os !== "linux") return;
  await using dir = await tempDir();
  const bytes = await demoPackage({ launcherSize: 20 * MIB });
  await dir.write("app.psp", bytes);
  await using ours = await start("cli.ts", "serve", "--port", "0", dir.path);
  const url = `${ours.url}packages/app.psp`;
  const wave = async (): Promise<void> => {
    await Promise.all(Array.from({ length: 200 }, async (_, seed) => {
      await readParts(
        url,
        bytes.length,
        { length: 64 * 1024, count: 4, seed: seed + 1 },
        (offset, part) => {
          const expected = bytes.subarray(offset, offset + part.length);
          assert(equals(part, expected), `other bytes at ${offset}`);
        },
      );
      const verdict = seed % 20 === 0
        ? `${ours.url}api/packages/app.psp/verify.json`
        : `${ours.url}api/packages.json`;
      const response = await fetch(verdict);
      assertEquals(response.status, 200);
      await response.body?.cancel();
      // Some go in the middle of it.
      const left = await fetch(url);
      await left.body?.cancel();
    }));
  };
  const settle = async (): Promise<number> => {
    let least = Infinity;
    for (let count = 0; count < 10; count++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      least = Math.min(least, await memoryOf(ours.pid));
    }
    return least;
  };
  // A runtime takes memory with the first waves, and does not give it back.
  let before = 0;
  for (let round = 0; round < 10; round++) {
    for (let count = 0; count < 3; count++) await wave();
    const now = await settle();
    const isLevel = now < before + 4 * MIB;
    before = Math.max(before, now);
    if (isLevel) break;
  }
  // What leaks grows each time.
  let after = Infinity;
  for (let round = 0; round < 3; round++) {
    for (let count = 0; count < 3; count++) await wave();
    after = Math.min(after, await settle());
  }
  console.log(
    `  memory ${(before / MIB).toFixed(0)} MiB before, ${
      (after / MIB).toFixed(0)
    } MiB after 1,800 clients`,
  );
  assert(after <= before + 20 * MIB, `${before} before, ${after} after`);
});
