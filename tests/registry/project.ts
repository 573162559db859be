import { assertEquals } from "@std/assert";
import {
  cli,
  type CliOptions,
  type CliOutcome,
} from "../support/captured_host.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

/** Whatever a command prints. */
// deno-lint-ignore no-explicit-any
export type Json = any;

/** A directory with packages to push, and a command line in it. */
export interface Project extends AsyncDisposable {
  readonly dir: TempDir;
  /** Packs `runtime` random bytes and a small program. */
  pack(
    output: string,
    program: string,
    runtime?: number,
    machine?: number,
  ): Promise<void>;
  /** Runs a command line. */
  flavor(
    args: readonly string[],
    options?: Partial<CliOptions>,
  ): Promise<CliOutcome>;
  /** Runs one that has to succeed, and reads its JSON. */
  json(...args: readonly string[]): Promise<Json>;
  /** Runs one that has to fail, and gives the code of its error. */
  fails(...args: readonly string[]): Promise<string>;
  /** Whether two files are the same. */
  same(one: string, other: string): Promise<boolean>;
  /** What is in the directory. */
  names(): string[];
}

/** Makes a project. */
export async function makeProject(): Promise<Project> {
  const dir = await tempDir();
  const flavor = (
    args: readonly string[],
    options: Partial<CliOptions> = {},
  ): Promise<CliOutcome> => cli(args, { cwd: dir.path, ...options });
  return {
    dir,
    flavor,
    async pack(
      output,
      program,
      runtime = 300_000,
      machine = 62,
    ): Promise<void> {
      await dir.write("launcher", foreignLauncher(machine));
      await dir.write("runtime/bin", pseudoRandomBytes(runtime));
      await dir.write("program", program.repeat(1000));
      await dir.write(
        "flavor.toml",
        `package = { name = "demo", version = "1.0.0" }
execution = { command = "program" }
slots = [
  { id = "runtime", source = "runtime", target = "runtime" },
  { id = "program", source = "program", target = "program" },
]
`,
      );
      const { code, err } = await flavor(
        [
          "pack",
          "--launcher-bin",
          "launcher",
          "--output",
          output,
          "--key-seed",
          "seed",
        ],
      );
      assertEquals(code, 0, err);
    },
    async json(...args): Promise<Json> {
      const { code, out, err } = await flavor([...args, "--json"]);
      assertEquals(code, 0, err);
      return JSON.parse(out);
    },
    async fails(...args): Promise<string> {
      const { code, err } = await flavor([...args, "--json"]);
      const { error } = JSON.parse(err);
      assertEquals(code > 1, true, err);
      return `${error.code}: ${error.message}`;
    },
    async same(one, other): Promise<boolean> {
      const [a, b] = await Promise.all(
        [one, other].map((name) => Deno.readFile(dir.at(name))),
      );
      return a !== undefined && b !== undefined && a.length === b.length &&
        a.every((byte, i) => byte === b[i]);
    },
    names: () =>
      Array.from(Deno.readDirSync(dir.path), ({ name }) => name).sort(),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}
