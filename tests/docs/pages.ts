import { fromFileUrl, join } from "@std/path";

/** The checkout. */
export const ROOT: string = fromFileUrl(new URL("../..", import.meta.url));

/** A page of the documentation. */
export interface Page {
  /** Path below the checkout. */
  readonly path: string;
  /** Markdown. */
  readonly text: string;
}

/** Every page in `docs/`, and the README where there is one. */
export async function readPages(): Promise<readonly Page[]> {
  const entries = await Array.fromAsync(Deno.readDir(join(ROOT, "docs")));
  const paths = entries.map(({ name }) => `docs/${name}`)
    .filter((path) => path.endsWith(".md"))
    .sort();
  const pages = [...paths, "README.md"].map(async (path) => {
    try {
      return [{ path, text: await Deno.readTextFile(join(ROOT, path)) }];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
  return (await Promise.all(pages)).flat();
}
