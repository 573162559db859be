import { dirname, join } from "@std/path";

import { outputAgrees } from "./compare_output.ts";
import { pageSteps, type RunStep } from "./page_steps.ts";

/** How a command of a page went. */
export interface RunResult {
  /** The command. */
  readonly step: RunStep;
  /** Its exit code; `undefined` when it ended the shell. */
  readonly exit: number | undefined;
  /** What it printed, with the names that pages use. */
  readonly printed: readonly string[];
  /** What is wrong, if anything. */
  readonly problem: string | undefined;
}

/** What pages call the places that a run happens in. */
const HOME_NAME = "/home/you";
const CHECKOUT_NAME = "/opt/flavor";

/**
 * Does what a page tells its reader to do, in a directory of its own, in one
 * shell, so that `cd` and `export` last as they do for the reader.
 *
 * @param page Markdown.
 * @param options The checkout whose `flavor` is used, and an empty directory.
 * @returns One result per command.
 */
export async function runPage(
  page: string,
  options: { readonly root: string; readonly scratch: string },
): Promise<readonly RunResult[]> {
  const { root, scratch } = options;
  const home = join(scratch, "home");
  const records = join(scratch, "records");
  const bin = join(scratch, "bin");
  for (const directory of [home, records, bin]) {
    await Deno.mkdir(directory, { recursive: true });
  }
  await writeExecutable(join(bin, "flavor"), flavorScript(root));
  // Without spaces, so that pages can name it without quotes.
  const checkout = join(scratch, "checkout");
  await Deno.symlink(root, checkout);
  const steps = pageSteps(page);
  const script: string[] = [];
  const runs: RunStep[] = [];
  for (const step of steps) {
    if (step.kind === "save") {
      // Kept beside and copied in order: a page may change a file later.
      const copy = join(records, `file-${script.length}`);
      await Deno.writeTextFile(copy, step.text);
      if (step.text.startsWith("#!")) await Deno.chmod(copy, 0o755);
      script.push(
        `mkdir -p ${quote(dirname(step.path))}`,
        `cp -p ${quote(copy)} ${quote(step.path)}`,
      );
      continue;
    }
    const record = quote(join(records, String(runs.length)));
    script.push(
      `{\n${
        step.script.replaceAll(CHECKOUT_NAME, checkout)
      }\n} >${record} 2>&1 </dev/null`,
      `echo "$?" >${record}.exit`,
    );
    runs.push(step);
  }
  await new Deno.Command("sh", {
    args: ["-c", script.join("\n")],
    cwd: home,
    clearEnv: true,
    env: {
      HOME: home,
      PATH: `${bin}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
      LC_ALL: "C.UTF-8",
      USER: "you",
      ...inherited(/^(?:DENO_DIR|JSR_URL)$/),
      // How this machine reaches the registries of others.
      ...inherited(
        /^(?:SSL_CERT_|UV_|PIP_|npm_config_|https?_proxy$|no_proxy$)/i,
      ),
      ...toolchain(),
    },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  const rename = (text: string): string =>
    text.replaceAll(home, HOME_NAME)
      .replaceAll(checkout, CHECKOUT_NAME)
      .replaceAll(root.replace(/\/$/, ""), CHECKOUT_NAME);
  return await Promise.all(
    runs.map((step, index) =>
      judge(step, join(records, String(index)), rename)
    ),
  );
}

async function judge(
  step: RunStep,
  record: string,
  rename: (text: string) => string,
): Promise<RunResult> {
  const text = rename(await readOptional(record));
  const printed = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const code = await readOptional(`${record}.exit`);
  const exit = code === "" ? undefined : Number(code);
  const said = printed.join("\n");
  let problem: string | undefined;
  if (exit === undefined) problem = `it ended the shell or never ran\n${said}`;
  else if (exit !== step.exit) {
    problem = `it exits with ${exit}, the page says ${step.exit}\n${said}`;
  } else if (
    step.output !== undefined && !outputAgrees(step.output, printed)
  ) {
    problem = `it prints\n${said}\n\nthe page says\n${step.output.join("\n")}`;
  }
  return { step, exit, printed, problem };
}

/** The checkout's command line, as if it were installed. */
function flavorScript(root: string): string {
  const words = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "-P=cli",
    "--config",
    join(root, "deno.json"),
    join(root, "cli.ts"),
  ];
  return `#!/bin/sh\nexec ${words.map(quote).join(" ")} "$@"\n`;
}

async function writeExecutable(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, 0o755);
}

function inherited(names: RegExp): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  return Object.fromEntries(all.filter(([name]) => names.test(name)));
}

/** `rustc` is a proxy that looks for its toolchain in the home directory, which is another one here. */
function toolchain(): Record<string, string> {
  const home = Deno.env.get("HOME") ?? "/";
  return {
    RUSTUP_HOME: Deno.env.get("RUSTUP_HOME") ?? join(home, ".rustup"),
    CARGO_HOME: Deno.env.get("CARGO_HOME") ?? join(home, ".cargo"),
  };
}

async function readOptional(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
