import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { flavor, type Outcome, run } from "../../e2e/support/processes.ts";
import type { GuestOptions, Machine } from "./machine.ts";

/** What a test's package has beside the probe, which is `bin/probe`. */
export interface SampleOptions {
  readonly name?: string;
  readonly version?: string;
  readonly command?: string;
  /** Files by the path below the workenv. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Symbolic links by the path below the workenv. */
  readonly links?: Readonly<Record<string, string>>;
  /** Second names of files. */
  readonly hardLinks?: Readonly<Record<string, string>>;
  /** Where the probe lies, without the end of a program's name. */
  readonly probe?: string;
  readonly execution?: Readonly<Record<string, unknown>>;
  /** More tables of the manifest. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** The package's own name on the disk, without the end of a program's name. */
  readonly file?: string;
}

let count = 0;

/** Somewhere for one test, with a package and a cache of its own. */
export class Sample {
  readonly cache: string;

  private constructor(
    readonly machine: Machine,
    readonly directory: string,
    readonly file: string,
  ) {
    this.cache = join(directory, "cache");
  }

  /** Packs a package on this machine for the other one. */
  static async pack(
    machine: Machine,
    options: SampleOptions = {},
    directory: string = join(machine.home, `${++count}`),
  ): Promise<Sample> {
    const { suffix } = machine;
    const source = join(machine.home, `source-${++count}`);
    const file = join(directory, `${options.file ?? "sample"}${suffix}`);
    await Deno.mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await Deno.mkdir(join(source, "tree"), { recursive: true });
    const place = async (path: string): Promise<string> => {
      await Deno.mkdir(dirname(join(source, "tree", path)), {
        recursive: true,
      });
      return join(source, "tree", path);
    };
    for (const [path, content] of Object.entries(options.files ?? {})) {
      const bytes = typeof content === "string"
        ? new TextEncoder().encode(content)
        : content;
      await Deno.writeFile(await place(path), bytes);
    }
    for (const [path, target] of Object.entries(options.hardLinks ?? {})) {
      await Deno.link(join(source, "tree", target), await place(path));
    }
    for (const [path, target] of Object.entries(options.links ?? {})) {
      await Deno.symlink(target, await place(path));
    }
    const probe = `${options.probe ?? "bin/probe"}${suffix}`;
    const manifest = {
      package: {
        name: options.name ?? "sample",
        version: options.version ?? "1",
      },
      execution: {
        command: options.command ?? "{workenv}/bin/probe",
        ...options.execution,
      },
      slots: [
        {
          id: "probe",
          source: machine.probe,
          target: probe,
          permissions: "755",
          operations: "zstd",
        },
        {
          id: "tree",
          source: "tree",
          target: "{workenv}",
          operations: "tar.zst",
        },
      ],
      ...options.manifest,
    };
    const path = join(source, "flavor.json");
    await Deno.writeTextFile(path, JSON.stringify(manifest));
    const packed = await flavor([
      ...["pack", "--manifest", path, "--output", file],
      ...["--launcher-bin", machine.launcher, "--key-seed", "platforms"],
      ...["--quiet"],
    ]);
    assertEquals(packed.code, 0, packed.stderr);
    return new Sample(machine, directory, file);
  }

  /** Starts the package, or another program of the machine. */
  async start(
    args: readonly string[] = [],
    options: GuestOptions = {},
    program: string = this.file,
  ): Promise<Outcome> {
    const all = this.#command(args, options, program);
    const outcome = await run(all.program, all.args, { ...options, ...all });
    // Windows ends lines in its own way; the probe does not.
    return { ...outcome, stdout: outcome.stdout.replaceAll("\r\n", "\n") };
  }

  /** Starts the package, and does not wait. */
  spawn(
    args: readonly string[],
    options: GuestOptions = {},
  ): Deno.ChildProcess {
    const { program, args: words, env } = this.#command(
      args,
      options,
      this.file,
    );
    return new Deno.Command(program, {
      args: [...words],
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  #command(
    args: readonly string[],
    options: GuestOptions,
    program: string,
  ): ReturnType<Machine["command"]> {
    const { guest } = this.machine;
    const env = { FLAVOR_CACHE: guest(this.cache), ...options.env };
    return this.machine.command(program, args, { ...options, env });
  }

  /** The directories that packages were unpacked into, as paths of this machine. */
  async workenvs(): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const { name } of Deno.readDir(join(this.cache, "workenv"))) {
      if (!name.startsWith(".")) found.push(join(this.cache, "workenv", name));
    }
    return found.sort();
  }

  /** The only one of {@linkcode workenvs}. */
  async workenv(): Promise<string> {
    const [only = "", ...others] = await this.workenvs();
    assertEquals(others, []);
    return only;
  }
}
