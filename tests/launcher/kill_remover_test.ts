import { assert } from "@std/assert";
import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { filledTree, markedEntries } from "./support/assert_cache.ts";
import { surviveKills } from "./support/kill_harness.ts";
import { writeSamplePackage } from "./support/sample_package.ts";
import { Scratch } from "./support/scratch.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Calls by which a removal changes the cache. */
const REMOVING = /^(rename|renameat|unlink|unlinkat|rmdir|flock)$/;

/** Deno, run as the tests are, with the same modules and the same place for them. */
const ENV: Readonly<Record<string, string>> = Object.fromEntries(
  ["HOME", "DENO_DIR", "JSR_URL"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }),
);

for (const word of ["remove", "clean"] as const) {
  Deno.test(`flavor workenv ${word}, killed anywhere, leaves nothing that the next start keeps`, async () => {
    using scratch = new Scratch();
    const pack = scratch.join("sample.psp");
    writeSamplePackage(pack, { files: 4 });
    const filled = scratch.join("filled");
    await filledTree(pack, filled);
    const [id = ""] = markedEntries(filled);

    const { points, killed } = await surviveKills(scratch, {
      pack,
      command: [
        Deno.execPath(),
        ...["run", "--quiet", "--no-check", "--allow-all"],
        ...[`--config=${ROOT}deno.json`, `${ROOT}cli.ts`, "workenv", word],
        ...(word === "remove" ? [id] : []),
      ],
      env: ENV,
      prepare: (cache) =>
        cpSync(filled, cache, {
          recursive: true,
          preserveTimestamps: true,
          verbatimSymlinks: true,
        }),
      calls: REMOVING,
      budget: 16,
    });

    assert(killed >= 4, `only ${killed} runs of ${points} were killed`);
  });
}
