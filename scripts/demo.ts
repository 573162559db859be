/**
 * The main job, end to end: packs a project that nobody prepared for it, then
 * the examples, runs them, verifies them, changes one byte and shows that
 * nothing accepts the result.
 *
 *   scripts/dev demo           all of it, in a directory that is removed again
 *   scripts/dev demo --keep D  the same, leaving the packages in D
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl, join } from "@std/path";

import { EXAMPLES, prepareExamples } from "./prepare_examples.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const EXIT_INVALID = 4;
/** Format, content that cannot be decoded, signature or digest. */
const EXIT_LAUNCHER_REFUSES = [102, 103, 107];

/** What a program printed and how it ended. */
interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

const problems: string[] = [];

function say(text: string): void {
  console.log(text);
}

/** One line per claim; the demo ends well only if all of them hold. */
function claim(holds: boolean, what: string, outcome?: Outcome): void {
  say(`  ${holds ? "ok  " : "FAIL"}  ${what}`);
  if (holds) return;
  problems.push(what);
  if (outcome !== undefined) {
    say(`        exit ${outcome.code}: ${outcome.stderr.trim()}`);
  }
}

async function run(
  program: string,
  args: readonly string[],
  options: Pick<Deno.CommandOptions, "env" | "clearEnv"> = {},
): Promise<Outcome> {
  const started = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    ...options,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    milliseconds: performance.now() - started,
  };
}

function flavor(...args: readonly string[]): Promise<Outcome> {
  return run(Deno.execPath(), [
    "run",
    "--quiet",
    "--allow-all",
    "--config",
    join(ROOT, "deno.json"),
    join(ROOT, "cli.ts"),
    ...args,
  ]);
}

interface Example {
  readonly name: string;
  readonly args: readonly string[];
  readonly expected: string;
}

const SAMPLES: readonly Example[] = [
  { name: "hello-shell", args: ["two words"], expected: "[two words]" },
  { name: "static-binary", args: ["a b"], expected: "612062" },
  { name: "deno-app", args: ["two words"], expected: '"two words"' },
];

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function duration(milliseconds: number): string {
  return milliseconds < 1000
    ? `${milliseconds.toFixed(0)} ms`
    : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** What somebody else could have written: a package.json, a server, and nothing of ours. */
async function showProject(directory: string): Promise<void> {
  const project = join(directory, "express-app");
  const copied = await run("cp", [
    "-R",
    join(EXAMPLES, "express-app"),
    project,
  ]);
  const packed = await flavor(
    "pack",
    project,
    "--private-key",
    join(directory, "keys", "flavor-private.key"),
    "--smoke",
  );
  claim(
    copied.code === 0 && packed.code === 0,
    "packs an Express application as it is, and starts it in an empty environment",
    packed,
  );
  if (packed.code !== 0) return;
  say(
    `        ${packed.stdout.trim().split("\n").slice(-2).join("\n        ")}`,
  );
  const file = join(project, "dist", "greeter.psp");
  const options = {
    env: { FLAVOR_CACHE: join(directory, "project-cache") },
    clearEnv: true,
  };
  const cold = await run(file, ["hello"], options);
  const warm = await run(file, ["hello"], options);
  claim(
    cold.stdout.includes('"message":"hello"') &&
      cold.stdout.includes(directory) && warm.code === 0,
    "runs its own Node.js, twice, where nothing is installed",
    cold,
  );
  say(
    `        first start ${duration(cold.milliseconds)}, second ${
      duration(warm.milliseconds)
    }`,
  );
  const sbom = await flavor("sbom", file);
  const count = sbom.stdout.match(/"type": "library"/g)?.length ?? 0;
  claim(count > 50, `says what it is made of: ${count} libraries`, sbom);
}

async function showExample(
  { name, args, expected }: Example,
  directory: string,
): Promise<void> {
  const manifest = join(EXAMPLES, name, "flavor.toml");
  const file = join(directory, `${name}.psp`);
  const options = { env: { FLAVOR_CACHE: join(directory, "cache") } };
  say(`\n${name}`);
  const packed = await flavor(
    "pack",
    "--manifest",
    manifest,
    "--output",
    file,
    "--private-key",
    join(directory, "keys", "flavor-private.key"),
  );
  claim(packed.code === 0, "packs into one file", packed);
  if (packed.code !== 0) return;
  const { size } = await Deno.stat(file);
  say(`        ${megabytes(size)}, packed in ${duration(packed.milliseconds)}`);

  const verified = await flavor(
    "verify",
    file,
    "--trusted-key",
    join(directory, "keys", "flavor-public.key"),
  );
  claim(
    verified.code === 0,
    "verifies against the key that signed it",
    verified,
  );

  const cold = await run(file, args, options);
  claim(
    cold.code === 0 && cold.stdout.includes(expected),
    "starts for the first time, with its arguments",
    cold,
  );
  const warm = await run(file, args, options);
  claim(
    warm.code === 0 && warm.stdout === cold.stdout,
    "starts again, with the same output",
    warm,
  );
  say(
    `        first start ${duration(cold.milliseconds)}, second ${
      duration(warm.milliseconds)
    }`,
  );
  await tamper(file, directory);
}

/** Changes the middle byte of the first slot: what the application is made of. */
async function tamper(file: string, directory: string): Promise<void> {
  const inspected = await flavor("inspect", file, "--json");
  const { slots }: {
    readonly slots: readonly {
      readonly offset: number;
      readonly size: number;
    }[];
  } = JSON.parse(inspected.stdout);
  const [slot] = slots;
  if (slot === undefined) return claim(false, "has a slot", inspected);
  const at = slot.offset + Math.floor(slot.size / 2);
  const changed = `${file}.changed`;
  await Deno.copyFile(file, changed);
  await flipByte(changed, at);

  const verified = await flavor("verify", changed);
  claim(
    verified.code === EXIT_INVALID,
    `with byte ${at} changed: verify refuses`,
    verified,
  );
  const refused = verified.stdout.split("\n").find((line) =>
    line.startsWith("fail")
  );
  say(`        ${refused ?? ""}`);
  const started = await run(changed, [], {
    env: { FLAVOR_CACHE: join(directory, "fresh-cache") },
  });
  claim(
    EXIT_LAUNCHER_REFUSES.includes(started.code) && started.stdout === "",
    "with that byte changed: it does not start",
    started,
  );
  say(`        ${started.stderr.trim().split("\n")[0] ?? ""}`);
  await Deno.remove(changed);
}

async function flipByte(path: string, offset: number): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  await file.seek(offset, Deno.SeekMode.Start);
  await file.read(byte);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await file.seek(offset, Deno.SeekMode.Start);
  await file.write(byte);
}

async function main(): Promise<void> {
  const { keep } = parseArgs(Deno.args, { string: ["keep"] });
  const kept = typeof keep === "string" && keep !== "" ? keep : undefined;
  const directory = kept ??
    await Deno.makeTempDir({ prefix: "flavor-demo-" });
  await Deno.mkdir(directory, { recursive: true });
  try {
    say("flavor pack, in a project that somebody else could have written");
    const keys = await flavor(
      "keygen",
      "--out-dir",
      join(directory, "keys"),
      "--force",
    );
    claim(keys.code === 0, "makes a key pair", keys);
    await showProject(directory);
    say("\nPreparing the examples");
    await prepareExamples();
    for (const example of SAMPLES) await showExample(example, directory);
  } finally {
    if (kept === undefined) await Deno.remove(directory, { recursive: true });
  }
  say(
    problems.length === 0
      ? "\nAll is right."
      : `\n${problems.length} claims do not hold.`,
  );
  Deno.exitCode = problems.length === 0 ? 0 : 1;
}

if (import.meta.main) await main();
