import { join } from "@std/path";

/** A directory that is gone when the test ends. */
export interface TempDir extends AsyncDisposable {
  /** Its absolute, real path. */
  readonly path: string;
  /** A path below it. */
  at(...parts: string[]): string;
  /** Writes a file below it, with its parents. */
  write(
    path: string,
    content: string | Uint8Array,
    mode?: number,
  ): Promise<string>;
}

/** Makes a fresh directory for one test. */
export async function tempDir(): Promise<TempDir> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  const at = (...parts: string[]): string => join(path, ...parts);
  return {
    path,
    at,
    async write(name, content, mode): Promise<string> {
      const full = at(name);
      await Deno.mkdir(join(full, ".."), { recursive: true });
      const bytes = typeof content === "string"
        ? new TextEncoder().encode(content)
        : content;
      await Deno.writeFile(full, bytes);
      if (mode !== undefined) await Deno.chmod(full, mode);
      return full;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await makeRemovable(path);
      await Deno.remove(path, { recursive: true });
    },
  };
}

/** Tests leave directories that forbid their own removal. */
async function makeRemovable(path: string): Promise<void> {
  await Deno.chmod(path, 0o700);
  for await (const entry of Deno.readDir(path)) {
    if (entry.isDirectory) await makeRemovable(join(path, entry.name));
  }
}
