/**
 * Changes one token at a time in files of `lib/` and runs the tests that should
 * notice. A change that none of them notices is named: either a test is
 * missing, or the change makes no difference and belongs, with the reason, in
 * `scripts/mutate/equivalent.json`.
 *
 *     scripts/dev mutate lib/archive lib/crypto/key_file.ts
 *     scripts/dev mutate lib/read --sample 50 --seed 7
 */

import { parseArgs } from "@std/cli/parse-args";
import { dirname, fromFileUrl, join } from "@std/path";
import { listMutants, type Mutant } from "./mutate/mutants.ts";
import equivalents from "./mutate/equivalent.json" with { type: "json" };

/** Tests that also belong to a folder; its own come first. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  archive: ["properties", "read/hostile_test.ts", "pack/frames_test.ts"],
  bytes: ["format", "read"],
  crypto: ["read"],
  format: [
    "read",
    "properties",
    "pack/platform_signing_test.ts",
    "cli/keys_test.ts",
  ],
  host: ["io"],
  io: ["archive", "host"],
  read: [
    "format",
    "properties",
    "pack/frames_test.ts",
    "pack/platform_signing_test.ts",
    "cli/diff_test.ts",
    "cli/inspect_test.ts",
    "cli/verify_test.ts",
  ],
};

const root = fromFileUrl(new URL("..", import.meta.url));
const flags = parseArgs(Deno.args, { string: ["sample", "seed"] });

async function git(...args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command("git", { args, cwd: root })
    .output();
  return new TextDecoder().decode(stdout).split("\0").filter(Boolean);
}

/** A copy of the checkout whose files may be changed. */
class Workshop implements AsyncDisposable {
  readonly #limits = new Map<string, number>();
  private constructor(readonly path: string) {}

  static async open(files: readonly string[]): Promise<Workshop> {
    const shop = new Workshop(await Deno.makeTempDir({ prefix: "mutate-" }));
    for (const file of files) {
      await Deno.mkdir(join(shop.path, dirname(file)), { recursive: true });
      await Deno.copyFile(join(root, file), join(shop.path, file));
    }
    return shop;
  }

  /** Whether the tests of a file pass with another text in its place. */
  async passes(path: string, text: string): Promise<boolean> {
    const folder = path.split("/")[1] ?? "";
    await Deno.writeTextFile(join(this.path, path), text);
    try {
      return await this.#test([folder]) && await this.#test(ALSO[folder] ?? []);
    } finally {
      await Deno.copyFile(join(root, path), join(this.path, path));
    }
  }

  /** The first run of tests says how long they take; a hanging change takes longer. */
  async #test(names: readonly string[]): Promise<boolean> {
    const paths = names.map((name) => `tests/${name}`).filter(exists);
    if (paths.length === 0) return true;
    const key = paths.join();
    const start = performance.now();
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--quiet", "--no-check", "--fail-fast", "-P", ...paths],
      cwd: this.path,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(this.#limits.get(key) ?? 600_000),
    }).output();
    if (!this.#limits.has(key)) {
      this.#limits.set(key, 5000 + 4 * (performance.now() - start));
    }
    return success;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

function exists(path: string): boolean {
  return Deno.statSync(join(root, path)).isDirectory || path.endsWith(".ts");
}

/** The same numbers for the same seed. */
function shuffle<T>(items: readonly T[], seed: number): T[] {
  let state = seed * 2 + 1;
  const weights = items.map((item) => {
    state = Math.imul(state, 48_271) % 2_147_483_647;
    return [state, item] as const;
  });
  return weights.sort(([a], [b]) => a - b).map(([, item]) => item);
}

/** A change that makes no difference, and why. */
type Equivalent = Pick<Mutant, "path" | "before" | "after"> & { why: string };

function isEquivalent({ path, before, after }: Mutant): boolean {
  return (equivalents as Equivalent[]).some((one) =>
    one.path === path && one.before === before && one.after === after
  );
}

async function main(): Promise<number> {
  const files = await git("ls-files", "-coz", "--exclude-standard");
  const wanted = flags._.map(String).map((path) => path.replace(/\/$/, ""));
  const paths = files.filter((file) =>
    /^lib\/.*\.ts$/.test(file) &&
    wanted.some((path) => file === path || file.startsWith(`${path}/`))
  );
  if (paths.length === 0) throw new Error("name files or folders of lib/");
  const all = paths.flatMap((path) =>
    listMutants(path, Deno.readTextFileSync(join(root, path)))
  );
  const different = all.filter((mutant) => !isEquivalent(mutant));
  const seed = Number(flags.seed ?? 1);
  const chosen = shuffle(different, seed).slice(
    0,
    Number(flags.sample ?? Infinity),
  );
  console.log(
    `${all.length} mutants, ${
      all.length - different.length
    } equivalent, ${chosen.length} tried with seed ${seed}`,
  );
  const survivors: Mutant[] = [];
  let done = 0;
  const work = async (): Promise<void> => {
    await using shop = await Workshop.open(files);
    const seen = new Set<string>();
    for (let mutant = chosen.pop(); mutant; mutant = chosen.pop()) {
      const { path } = mutant;
      const folder = dirname(path);
      if (!seen.has(folder)) {
        seen.add(folder);
        const text = await Deno.readTextFile(join(root, path));
        if (!await shop.passes(path, text)) {
          throw new Error(`The tests of ${folder} fail without a change`);
        }
      }
      if (await shop.passes(path, mutant.text)) {
        survivors.push(mutant);
        console.log(describe(mutant));
      }
      if (++done % 50 === 0) console.log(`${done} tried`);
    }
  };
  await Promise.all([work(), work()]);
  const killed = done - survivors.length;
  console.log(
    `${killed} of ${done} killed (${(100 * killed / done).toFixed(1)} %)`,
  );
  return survivors.length === 0 ? 0 : 1;
}

function describe({ path, line, before, after }: Mutant): string {
  return `survived: ${path}:${line}\n  - ${before}\n  + ${after}`;
}

Deno.exitCode = await main();
