import { join } from "@std/path";

import { cliReference } from "./cli_reference.ts";
import { errorReference } from "./error_reference.ts";
import { replaceSections, type Sections } from "./generated_sections.ts";
import { manifestJsonSchema } from "./manifest_json_schema.ts";
import { manifestReference } from "./manifest_reference.ts";
import { nativeSchema } from "./native_schema.ts";

/** A file with generated text, as it is and as it should be. */
export interface GeneratedPage {
  /** Path below the checkout. */
  readonly path: string;
  /** What is on the disk. */
  readonly actual: string;
  /** What belongs there. */
  readonly expected: string;
}

const SECTIONS: Sections = {
  commands: cliReference,
  errors: errorReference,
  "manifest-keys": manifestReference,
};

const PAGES = ["docs/cli.md", "docs/errors.md", "docs/manifest.md"] as const;
const SCHEMA = "docs/flavor.schema.json";
const NATIVE_SCHEMA = "native/crates/pspf-builder/src/manifest_schema.json";

/**
 * Generates every page anew, without writing any.
 *
 * @param root The checkout.
 * @returns The pages as they are and as they should be.
 */
export async function generatePages(
  root: string,
): Promise<readonly GeneratedPage[]> {
  const pages = PAGES.map(async (path) => {
    const actual = await Deno.readTextFile(join(root, path));
    const fresh = replaceSections(actual, SECTIONS);
    return { path, actual, expected: await format(fresh, "md", root) };
  });
  const native = {
    path: NATIVE_SCHEMA,
    actual: await readOptional(join(root, NATIVE_SCHEMA)),
    expected: nativeSchema(),
  };
  return await Promise.all([...pages, schemaPage(root), native]);
}

async function schemaPage(root: string): Promise<GeneratedPage> {
  const actual = await readOptional(join(root, SCHEMA));
  const expected = await format(manifestJsonSchema(), "json", root);
  return { path: SCHEMA, actual, expected };
}

async function readOptional(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** As `deno fmt` wants it, so that the formatter and the generator agree. */
async function format(
  text: string,
  extension: string,
  root: string,
): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", extension, "-"],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feed = new Blob([text]).stream().pipeTo(child.stdin);
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    feed,
  ]);
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout);
}
