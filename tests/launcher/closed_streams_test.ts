import { assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { BASE_ENV, runCommand } from "./support/run_command.ts";
import { writeSamplePackage } from "./support/sample_package.ts";
import { Scratch } from "./support/scratch.ts";

Deno.test("messages of a start with closed streams do not end up in the cache", async (t) => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  writeSamplePackage(pack, { files: 2 });
  for (const closed of ["2>&-", "0<&- 1>&- 2>&-"]) {
    await t.step(closed, async () => {
      const cache = scratch.join(`cache ${closed.length}`);
      const env = {
        ...BASE_ENV,
        FLAVOR_CACHE: cache,
        FLAVOR_LOG_LEVEL: "debug",
        PACK: pack,
      };

      await runCommand(["sh", "-c", `exec ${closed}; exec "$PACK"`], { env });

      const locks = readdirSync(`${cache}/locks`);
      const written = locks.map((name) =>
        readFileSync(`${cache}/locks/${name}`, "utf8")
      );
      assertEquals(written, ["", ""]);
    });
  }
});
