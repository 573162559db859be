import { assertEquals } from "@std/assert";
import { basename, join } from "@std/path";

import { runPage } from "../../scripts/docs/run_page.ts";
import { launcherPath } from "../launcher/support/launcher_path.ts";
import { tempDir } from "../support/temp_dir.ts";
import { readPages, ROOT } from "./pages.ts";

/**
 * This checkout as a newcomer has it, with one launcher: what else lies in
 * dist/ depends on what was built here before.
 */
async function writeCheckout(directory: string): Promise<void> {
  await Deno.mkdir(join(directory, "dist", "bin"), { recursive: true });
  for await (const { name } of Deno.readDir(ROOT)) {
    if (name !== "dist") {
      await Deno.symlink(join(ROOT, name), join(directory, name));
    }
  }
  const launcher = launcherPath();
  await Deno.copyFile(
    launcher,
    join(directory, "dist", "bin", basename(launcher)),
  );
}

for (const { path, text } of await readPages()) {
  if (!/^```(?:sh|console)/m.test(text)) continue;
  Deno.test(`${path} works when followed from top to bottom`, async () => {
    await using scratch = await tempDir();
    await using checkout = await tempDir();
    await writeCheckout(checkout.path);
    const results = await runPage(text, {
      root: checkout.path,
      scratch: scratch.path,
    });
    const problems = results.flatMap(({ step, problem }) =>
      problem === undefined
        ? []
        : [`${path}:${step.line}\n${step.script}\n${problem}`]
    );
    assertEquals(problems, []);
  });
}
