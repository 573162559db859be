/**
 * Brings the documentation up to date.
 *
 *     scripts/dev docs                     generated tables and the JSON Schema
 *     scripts/dev docs --outputs PAGE...   the outputs shown in pages as well, from a real run
 */
import { fromFileUrl, join } from "@std/path";

import { generatePages } from "./docs/generate_pages.ts";
import { runPage, type RunResult } from "./docs/run_page.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

async function write(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(join(root, path), text);
  console.log(`wrote ${path}`);
}

/** Later outputs first, so that the earlier line numbers stay right. */
function withOutputs(page: string, results: readonly RunResult[]): string {
  const lines = page.split("\n");
  for (const { step, exit, printed, problem } of results.toReversed()) {
    if (problem === undefined) continue;
    if (exit !== step.exit || step.output === undefined) {
      console.error(`line ${step.line}: ${problem}\n`);
      Deno.exitCode = 1;
      continue;
    }
    const [first, end] = step.span;
    lines.splice(first, end - first, ...printed);
  }
  return lines.join("\n");
}

async function refreshOutputs(path: string): Promise<void> {
  const page = await Deno.readTextFile(join(root, path));
  const scratch = await Deno.realPath(await Deno.makeTempDir());
  try {
    const fresh = withOutputs(page, await runPage(page, { root, scratch }));
    if (fresh !== page) await write(path, fresh);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

const [mode, ...paths] = Deno.args;
if (mode !== undefined && mode !== "--outputs") {
  console.error("usage: scripts/dev docs [--outputs PAGE...]");
  Deno.exit(2);
}
for (const { path, actual, expected } of await generatePages(root)) {
  if (actual !== expected) await write(path, expected);
}
for (const path of paths) await refreshOutputs(path);
