import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { bytesRead } from "../../scripts/bench/trace_start.ts";
import { filledTree } from "./support/assert_cache.ts";
import { BASE_ENV, runCommand } from "./support/run_command.ts";
import { writeSamplePackage } from "./support/sample_package.ts";
import { Scratch } from "./support/scratch.ts";
import { CHANGING_CALLS } from "./support/strace.ts";

const MAX_READ_BYTES = 16 * 1024;

/** Calls that change nothing and wait for nobody when they are made in this way. */
const HARMLESS = /^(open(at)?\(.*O_RDONLY|flock\(.*LOCK_NB|execve\()/;

Deno.test("a warm start reads the trailer once and nothing else of the package, writes nothing and waits for no lock", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  const cache = scratch.join("cache");
  const log = scratch.join("strace.log");
  writeSamplePackage(pack);
  await filledTree(pack, cache);

  await runCommand(["strace", "-f", "-qqq", "-y", "-o", log, "--", pack], {
    env: { ...BASE_ENV, FLAVOR_CACHE: cache },
  });

  const calls = readFileSync(log, "utf8").split("\n")
    .map((line) => line.replace(/^\d+ +/, ""));
  const program = calls.findIndex((call, at) =>
    at > 0 && isCall(call, "execve")
  );
  assert(program > 0, "the program was not started");
  const ours = calls.slice(0, program);
  const read = bytesRead(ours, pack);
  assert(read > 0 && read <= MAX_READ_BYTES, `${read} bytes were read`);
  const reads = ours.filter((call) =>
    /^(p?read|p?readv|preadv2|mmap2?)(64)?\(/.test(call) && call.includes(pack)
  );
  assertEquals(reads.length, 1, reads.join("\n"));
  const harmful = ours.filter((call) =>
    CHANGING_CALLS.some((name) => isCall(call, name)) && !HARMLESS.test(call)
  );
  assertEquals(harmful, []);
});

function isCall(line: string, name: string): boolean {
  return line.startsWith(`${name}(`);
}
