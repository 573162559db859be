import { assertEquals } from "@std/assert";

import { runPage } from "../../scripts/docs/run_page.ts";
import { tempDir } from "../support/temp_dir.ts";
import { readPages, ROOT } from "./pages.ts";

for (const { path, text } of await readPages()) {
  if (!/^```(?:sh|console)/m.test(text)) continue;
  Deno.test(`${path} works when followed from top to bottom`, async () => {
    await using scratch = await tempDir();
    const results = await runPage(text, { root: ROOT, scratch: scratch.path });
    const problems = results.flatMap(({ step, problem }) =>
      problem === undefined
        ? []
        : [`${path}:${step.line}\n${step.script}\n${problem}`]
    );
    assertEquals(problems, []);
  });
}
