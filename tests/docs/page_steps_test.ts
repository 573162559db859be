import { assert, assertEquals, assertThrows } from "@std/assert";

import { outputAgrees } from "../../scripts/docs/compare_output.ts";
import { markdownBlocks } from "../../scripts/docs/markdown_blocks.ts";
import { pageSteps } from "../../scripts/docs/page_steps.ts";
import { runPage } from "../../scripts/docs/run_page.ts";
import { tempDir } from "../support/temp_dir.ts";
import { ROOT } from "./pages.ts";

const FENCE = "```";

async function problemsOf(page: string): Promise<readonly string[]> {
  await using scratch = await tempDir();
  const results = await runPage(page, { root: ROOT, scratch: scratch.path });
  return results.flatMap(({ problem }) => problem ?? []);
}

function block(language: string, text: string): string {
  return `${FENCE}${language}\n${text}\n${FENCE}\n`;
}

Deno.test("markdownBlocks refuses a block without an end", () => {
  assertThrows(() => markdownBlocks(`${FENCE}sh\necho\n`), Error, "not end");
});

Deno.test("pageSteps reads commands, continuations, outputs and exit codes", () => {
  const [step, ...rest] = pageSteps(
    block("console", "$ one \\\n> two # exit 4\nout\n$ three"),
  );
  assert(step?.kind === "run");
  assertEquals(
    [step.script, step.exit, step.output, step.line],
    ["one \\\ntwo", 4, ["out"], 2],
  );
  assertEquals(rest.length, 1);
});

Deno.test("runPage finds a wrong exit code, in both kinds of blocks", async () => {
  assertEquals(await problemsOf(block("sh", "true\nfalse # exit 1")), []);
  assertEquals((await problemsOf(block("sh", "false"))).length, 1);
  assertEquals((await problemsOf(block("sh", "true # exit 1"))).length, 1);
  assertEquals(await problemsOf(block("console", "$ false # exit 1")), []);
  assertEquals((await problemsOf(block("console", "$ false"))).length, 1);
});

Deno.test("runPage finds an output that the page does not show so", async () => {
  assertEquals(await problemsOf(block("console", "$ echo hi\nhi")), []);
  assertEquals((await problemsOf(block("console", "$ echo hi\nho"))).length, 1);
  assertEquals((await problemsOf(block("console", "$ echo hi"))).length, 1);
});

Deno.test("runPage saves files and keeps the directory between blocks", async () => {
  const page = block("text file=sub/a.txt", "content") +
    block("sh", "cd sub\nX=1") +
    block(
      "console",
      "$ cat a.txt; echo $X; pwd\n" +
        "content\n1\n/home/you/sub",
    );
  assertEquals(await problemsOf(page), []);
});

Deno.test("runPage reports every command after one that ended the shell", async () => {
  const page = block("sh", "exit 3") + block("console", "$ true");
  assertEquals((await problemsOf(page)).length, 2);
});

Deno.test("outputAgrees takes sizes, times and digests by their shape, and nothing else", () => {
  const digest = "0123456789abcdef0123456789abcdef";
  assert(outputAgrees([`1.2 MB in 3 ms, ${digest}`], [
    `35 kB in 1.5 s, ${"f".repeat(64)}`,
  ]));
  assert(!outputAgrees(["3 slots"], ["4 slots"]));
  assert(outputAgrees(["a…z", "…", "end"], ["abcz", "x", "y", "end"]));
  assert(outputAgrees(["…"], []));
  assert(!outputAgrees(["a"], ["a", "b"]));
});
