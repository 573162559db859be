import { fileURLToPath } from "node:url";
import { verifyPackage } from "../../mod.ts";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { packApplication } from "./pack_application.ts";
import { quote, runChecked } from "./run_checked.ts";
import { compile } from "./spawner.ts";

const SIZE = 100_000_000;
const MIB = 1024 * 1024;
const ROUNDS = 7;
const CLIENTS = 4;

/**
 * Measures packages that are read over HTTP, and the service that sends them,
 * both on loopback.
 *
 * @param context Where to work.
 * @returns The rows.
 */
export async function benchRemote(
  context: BenchContext,
): Promise<readonly BenchRow[]> {
  const noise = context.path("noise.bin");
  await runChecked([
    "/bin/sh",
    "-c",
    `head -c ${SIZE} /dev/urandom >${quote(noise)}`,
  ]);
  const pack = await packApplication(context, "remote", [
    {
      id: "program",
      source: await compile(context, "nothing"),
      target: "bin/nothing",
      operations: "raw",
      permissions: "0755",
    },
    { id: "noise", source: noise, target: "noise.bin", operations: "raw" },
  ]);
  const script = new URL(
    "../../tests/support/static_server.ts",
    import.meta.url,
  );
  await using plain = await start([
    ...[Deno.execPath(), "run", "--quiet", "--no-config", "--allow-all"],
    ...[fileURLToPath(script), pack, "quiet"],
  ]);
  await using ours = await start(context.flavor("serve", "--port", "0", pack));
  const file = `http://127.0.0.1:${plain.said}/remote.psp`;
  const [verify, hash] = await best([
    () => verifyPackage(new URL(file)),
    () => runChecked(["/bin/sh", "-c", `curl -s ${quote(file)} | sha256sum`]),
  ]);
  const rows: BenchRow[] = [{
    what: "`verifyPackage` of 100 MB from a web server",
    unit: "s",
    ours: verify,
    other: { name: "`curl | sha256sum`", value: hash },
    bar: { of: "ratio", limit: 1.11, kind: "at most" },
  }];
  for (const length of [64 * 1024, MIB, 16 * MIB]) {
    const [mine, theirs] = await best(
      [`${ours.said}packages/remote.psp`, file].map((url) => () =>
        readRanges(url, length)
      ),
    );
    rows.push({
      what: `\`flavor serve\`, ranges of ${length / 1024} KiB`,
      unit: "MB/s",
      ours: 32 * MIB * CLIENTS / 1e6 / mine,
      other: {
        name: "a static file server",
        value: 32 * MIB * CLIENTS / 1e6 / theirs,
      },
      bar: { of: "ratio", limit: 0.8, kind: "at least" },
    });
  }
  return rows;
}

/** The shortest time of each in seconds, taken in turn; the first round warms up. */
async function best(
  works: readonly (() => Promise<unknown>)[],
): Promise<[number, number]> {
  const times = works.map(() => Infinity);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, work] of works.entries()) {
      const begun = performance.now();
      await work();
      const took = (performance.now() - begun) / 1000;
      if (round > 0) times[index] = Math.min(times[index] ?? 0, took);
    }
  }
  const [first = 0, second = 0] = times;
  return [first, second];
}

/** Four clients read 32 MiB each, in parts from all over the file. */
async function readRanges(url: string, length: number): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, async (_, client) => {
    let state = client + 1;
    for (let done = 0; done < 32 * MIB; done += length) {
      state = state * 48271 % 0x7fffffff;
      const offset = state % (SIZE - length);
      const range = `bytes=${offset}-${offset + length - 1}`;
      const response = await fetch(url, { headers: { range } });
      const { length: got } = await response.bytes();
      if (got !== length) throw new Error(`${url} sent ${got} bytes`);
    }
  }));
}

interface Server extends AsyncDisposable {
  /** Its first line. */
  readonly said: string;
}

async function start(command: readonly string[]): Promise<Server> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`${command.join(" ")} ended`);
    text += value;
  }
  return {
    said: text.trim(),
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}
