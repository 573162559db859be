import { fromFileUrl, join } from "@std/path";
import { run, type RunOptions } from "../../e2e/support/processes.ts";

/** The checkout. */
export const ROOT: string = fromFileUrl(new URL("../../..", import.meta.url));
const BUILT = join(ROOT, "dist/bin");

/** A machine of another kind, or what stands in for it here. */
export interface Machine {
  readonly target: "linux_arm64" | "windows_amd64";
  readonly isWindows: boolean;
  /** What names of programs end with. */
  readonly suffix: "" | ".exe";
  readonly launcher: string;
  /** A program that tells what it was started with. */
  readonly probe: string;
  /** A directory of the machine that belongs to its user alone, as a path of this one. */
  readonly home: string;
  /** A path of this machine as the other one names it. */
  guest(path: string): string;
  /** The words that start a program, and what has to be in their environment. */
  command(
    program: string,
    args: readonly string[],
    options?: GuestOptions,
  ): GuestCommand;
}

/** How a program of the other machine is started. */
export interface GuestOptions extends RunOptions {
  /** Directories in front of its `PATH`, as paths of this machine. */
  readonly path?: readonly string[] | undefined;
  /** Whether it needs a terminal to be interrupted from. */
  readonly terminal?: boolean | undefined;
}

interface GuestCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const cleanups: (() => void)[] = [];
globalThis.addEventListener("unload", () => {
  for (const clean of cleanups) clean();
});

function makeHome(prefix: string): string {
  const home = Deno.makeTempDirSync({ prefix });
  cleanups.push(() => {
    new Deno.Command("rm", { args: ["-rf", "--", home] }).outputSync();
  });
  return home;
}

/** Compiles the probe for a target, as the launchers are compiled. */
async function compileProbe(
  triple: string,
  zigTarget: string,
  output: string,
  options: readonly string[],
): Promise<string> {
  const version = /ziglang==([\d.]+)/.exec(
    await Deno.readTextFile(join(ROOT, "native/zig-requirements.txt")),
  )?.[1];
  const zig = join(ROOT, `.dev/zig-${version}`);
  const cache = join(ROOT, ".dev/zig-cache");
  const compiled = await run("rustc", [
    ..."--edition 2024 -O -C panic=abort -C strip=symbols --target".split(" "),
    triple,
    ...options.map((option) => option.replace("ZIG", zig)),
    "-o",
    output,
    fromFileUrl(new URL("probe.rs", import.meta.url)),
  ], {
    env: {
      FLAVOR_ZIG_TARGET: zigTarget,
      ZIG_GLOBAL_CACHE_DIR: cache,
      ZIG_LOCAL_CACHE_DIR: cache,
    },
  });
  if (compiled.code !== 0) throw new Error(compiled.stderr);
  return output;
}

/** Whether this machine's kernel starts programs for ARM64 by itself. */
async function hasBinfmt(): Promise<boolean> {
  if (Deno.build.arch === "aarch64") return true;
  try {
    const known = "/proc/sys/fs/binfmt_misc/qemu-aarch64";
    return (await Deno.readTextFile(known)).startsWith("enabled");
  } catch {
    return false;
  }
}

/**
 * Linux on ARM64, by qemu's user emulation.
 *
 * The kernel has to start it for every program, also for those that packages
 * start. It is told so in a user namespace of its own: the machine stays as it is.
 */
async function linuxArm64(): Promise<Machine> {
  const home = makeHome("flavor-arm64-");
  const inside = await hasBinfmt()
    ? []
    : ["unshare", "--user", "--map-root-user", "--mount", "sh", BINFMT];
  return {
    target: "linux_arm64",
    isWindows: false,
    suffix: "",
    launcher: join(BUILT, "flavor-rs-launcher-linux_arm64"),
    probe: await compileProbe(
      "aarch64-unknown-linux-musl",
      "aarch64-linux-musl",
      join(home, "probe"),
      ["-Clinker=ZIG/ld", "-Clinker-flavor=ld"],
    ),
    home,
    guest: (path) => path,
    command(program, args, { path = [], env = {} } = {}): GuestCommand {
      const words = [...inside, program, ...args];
      const paths = [...path, Deno.env.get("PATH") ?? ""].join(":");
      return {
        program: words[0] ?? "",
        args: words.slice(1),
        env: { HOME: home, ...env, PATH: paths },
      };
    },
  };
}

const BINFMT = fromFileUrl(new URL("with_arm64.sh", import.meta.url));

async function silently(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { code } = await new Deno.Command(program, {
    args: [...args],
    env: { ...env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn().status;
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

/** Windows on x86-64, by Wine. */
async function windowsAmd64(): Promise<Machine> {
  const wine = makeHome("flavor-wine-");
  const drive = join(wine, "drive_c");
  const base = {
    WINEPREFIX: wine,
    WINEDEBUG: "-all",
    // Else it asks whether to install other things.
    WINEDLLOVERRIDES: "mscoree,mshtml=",
    // The only way in which it learns what arguments mean.
    LC_ALL: "C.UTF-8",
  };
  // What runs in the background from now on must not hold on to our pipes. Without --persistent it ends too often.
  await silently("wineserver", ["--persistent=300"], base);
  await silently("wine", ["cmd", "/c", "exit"], base);
  cleanups.unshift(() => {
    new Deno.Command("wineserver", { args: ["--kill"], env: base })
      .outputSync();
  });
  const home = join(drive, "home");
  await Deno.mkdir(home, { mode: 0o700 });
  const guest = (path: string): string =>
    `C:${path.slice(drive.length).replaceAll("/", "\\")}`;
  return {
    target: "windows_amd64",
    isWindows: true,
    suffix: ".exe",
    launcher: join(BUILT, "flavor-rs-launcher-windows_amd64.exe"),
    probe: await compileProbe(
      "x86_64-pc-windows-gnullvm",
      "x86_64-windows-gnu",
      join(home, "probe.exe"),
      ["-Clinker=ZIG/cc"],
    ),
    home,
    guest,
    command(
      program,
      args,
      { path = [], env = {}, terminal = false } = {},
    ): GuestCommand {
      const words = ["wine", guest(program), ...args];
      // Without one of this machine, there is no console there.
      const line = words.map((word) => `'${word}'`).join(" ");
      const [first = "", ...rest] = terminal
        ? ["script", "-qec", line, "/dev/null"]
        : words;
      const all = { ...base, ...env, WINEPATH: path.map(guest).join(";") };
      return { program: first, args: rest, env: all };
    },
  };
}

/** What whole packages are run on. */
export const MACHINES: readonly Machine[] = [
  await linuxArm64(),
  await windowsAmd64(),
];
