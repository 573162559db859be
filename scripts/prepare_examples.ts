import { fromFileUrl, join } from "@std/path";

/** Where the examples are. */
export const EXAMPLES: string = fromFileUrl(
  new URL("../examples", import.meta.url),
);

/**
 * Puts into the examples what is not in the repository: the Deno runtime of
 * this machine, and the program that `rustc` makes of its source. What is up to
 * date is left alone.
 */
export async function prepareExamples(): Promise<void> {
  const runtime = join(EXAMPLES, "deno-app", "runtime", "deno");
  if (await sizeOf(runtime) !== await sizeOf(Deno.execPath())) {
    await replace(runtime, (path) => Deno.copyFile(Deno.execPath(), path));
  }
  const source = join(EXAMPLES, "static-binary", "src", "probe.rs");
  const probe = join(EXAMPLES, "static-binary", "build", "probe");
  if (await changedAt(probe) < await changedAt(source)) {
    await replace(probe, (path) => compile(source, path));
  }
}

/** Somebody else may be packing the same file at this moment. */
async function replace(
  path: string,
  make: (path: string) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  const temporary = `${path}.${crypto.randomUUID()}`;
  await make(temporary);
  await Deno.rename(temporary, path);
}

async function compile(source: string, output: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("rustc", {
    args: ["--edition", "2024", "-O", "-o", output, source],
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
}

async function sizeOf(path: string): Promise<number> {
  return await statOf(path, ({ size }) => size);
}

async function changedAt(path: string): Promise<number> {
  return await statOf(path, ({ mtime }) => mtime?.getTime() ?? 0);
}

async function statOf(
  path: string,
  pick: (facts: Deno.FileInfo) => number,
): Promise<number> {
  try {
    return pick(await Deno.stat(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return -1;
    throw error;
  }
}
