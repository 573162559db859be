import { fromFileUrl, join } from "@std/path";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const ROOT = fromFileUrl(new URL("../../../", import.meta.url));

/** What the scripts themselves call. */
const BASICS = (
  "bash cat chmod cksum cp cut dirname env find grep id ls ln mkdir mktemp mv rm sed sh sha256sum sort tail tr uname wc cmp"
).split(" ");

/** What came out of a script. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A checkout with the scripts and pins of this one and sources of its own, in a
 * folder with a blank in its name, on a machine that has only basic tools and
 * those that a test adds.
 */
export class StubCheckout implements AsyncDisposable {
  private constructor(
    private readonly dir: TempDir,
    private readonly folder: string,
  ) {}

  static async create(folder = "a checkout"): Promise<StubCheckout> {
    const dir = await tempDir();
    const checkout = new StubCheckout(dir, folder);
    for (
      const path of [
        "scripts/build_launcher",
        "scripts/cargo",
        "scripts/prerequisites",
        "scripts/rust_toolchain",
        "native/Cargo.toml",
        "native/Cargo.lock",
        "native/rust-toolchain.toml",
        "native/zig-requirements.txt",
      ]
    ) {
      const from = join(ROOT, path);
      const { mode } = await Deno.stat(from);
      await checkout.write(path, await Deno.readTextFile(from), mode ?? 0o644);
    }
    await checkout.write("native/crates/pspf-launcher/Cargo.toml", "[package]");
    await checkout.write("native/crates/pspf-format/src/lib.rs", "// empty");
    await Deno.mkdir(dir.at("bin"));
    await Deno.mkdir(dir.at("home"));
    for (const tool of BASICS) {
      await Deno.symlink(`/usr/bin/${tool}`, dir.at("bin", tool));
    }
    return checkout;
  }

  /** A path in the checkout. */
  at(...parts: string[]): string {
    return this.dir.at(this.folder, ...parts);
  }

  /** Writes a file of the checkout. */
  async write(path: string, text: string, mode = 0o644): Promise<void> {
    await this.dir.write(join(this.folder, path), text, mode);
  }

  /** Puts a tool on the PATH; its calls are counted by `calls()`. */
  async tool(name: string, body = ""): Promise<void> {
    // Not through a link to the real one.
    await Deno.remove(this.dir.at("bin", name)).catch(() => {});
    await this.dir.write(
      `bin/${name}`,
      `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>"$CALLS"\n${body}\n`,
      0o755,
    );
  }

  /** The calls of added tools, in order. */
  async calls(): Promise<readonly string[]> {
    const text = await Deno.readTextFile(this.dir.at("calls")).catch(() => "");
    return text.split("\n").filter((line) => line !== "");
  }

  /** Runs a script of the checkout on this machine. */
  async run(
    script: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Outcome> {
    const decoder = new TextDecoder();
    const { code, stdout, stderr } = await new Deno.Command(this.at(script), {
      args: [...args],
      cwd: "/",
      clearEnv: true,
      env: {
        PATH: this.dir.at("bin"),
        HOME: this.dir.at("home"),
        CALLS: this.dir.at("calls"),
        ...env,
      },
      stdin: "null",
    }).output();
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dir[Symbol.asyncDispose]();
  }
}
