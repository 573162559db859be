import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PLATFORMS } from "../../lib/launchers/platform.ts";
import { BUILT_RELEASE } from "../../lib/release/built_release.ts";
import { bundle } from "../release/bundle.ts";
import { stage } from "../release/staging.ts";

const ARCH = { x86_64: "amd64", aarch64: "arm64" } as const;

/** What every benchmark needs: where things are, and a place for large files. */
export class BenchContext implements Disposable {
  /** Absolute path of the checkout. */
  readonly root: string = fileURLToPath(new URL("../../", import.meta.url));
  /** Absolute path of a directory that disappears afterwards, on the disk of the checkout. */
  readonly work: string;
  /** Warm starts of each command. */
  readonly starts: number;

  /** @param starts Warm starts of each command, at least 200 for numbers to be published. */
  constructor(starts: number) {
    this.starts = starts;
    mkdirSync(this.generated(), { recursive: true });
    this.work = mkdtempSync(this.generated("work-"));
  }

  /** A path inside the working directory. */
  path(...parts: readonly string[]): string {
    return join(this.work, ...parts);
  }

  /** A path for something that later runs can use again. */
  generated(...parts: readonly string[]): string {
    return join(this.root, ".dev", "bench", ...parts);
  }

  /** The launcher of this machine. */
  get launcher(): string {
    return this.#helper("launcher", "");
  }

  /** The native builder of this machine. */
  get builder(): string {
    return this.#helper("builder", " --builder");
  }

  #helper(role: string, option: string): string {
    const name = `flavor-rs-${role}-${Deno.build.os}_${ARCH[Deno.build.arch]}`;
    const path = join(this.root, "dist", "bin", name);
    if (existsSync(path)) return path;
    throw new Error(
      `There is no ${role} at ${path}; build it with: scripts/build_launcher${option}`,
    );
  }

  /** Bundles the command line, as users get it, for {@linkcode BenchContext.flavor}. */
  async bundleProgram(): Promise<void> {
    const directory = this.path("program");
    mkdirSync(directory);
    await stage(directory, [], BUILT_RELEASE);
    writeFileSync(this.#program, await bundle(directory, PLATFORMS.length));
  }

  get #program(): string {
    return this.path("flavor.js");
  }

  /** A command with Deno alone. */
  deno(...args: readonly string[]): readonly string[] {
    return [
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-all",
      "--no-config",
      ...args,
    ];
  }

  /** The command line. */
  flavor(...args: readonly string[]): readonly string[] {
    return this.deno(this.#program, ...args);
  }

  [Symbol.dispose](): void {
    rmSync(this.work, { recursive: true, force: true });
  }
}
