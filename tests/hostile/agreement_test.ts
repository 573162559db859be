/**
 * Both readers against every hostile package: the same verdict, of the same family, with nothing written
 * outside of its place, inside the memory bars, without a crash.
 */

import { assertEquals } from "@std/assert";
import { hostileCorpus } from "./generator.ts";
import { TestGround } from "./ground.ts";
import { runCase } from "./run_case.ts";
import { readTruncated } from "./truncation.ts";

const LAUNCHER = new URL(
  "../../dist/bin/flavor-rs-launcher-linux_amd64",
  import.meta.url,
);

for (
  const [family, cases] of Object.entries(
    Object.groupBy(hostileCorpus(), ({ family }) => family),
  )
) {
  Deno.test(`hostile packages of family "${family}" are judged alike and contained`, async () => {
    const launcher = await Deno.readFile(LAUNCHER);
    using ground = new TestGround();
    const complaints: Record<string, readonly string[]> = {};
    for (const hostile of cases ?? []) {
      const found = await runCase(hostile, launcher, ground);
      if (found.length > 0) complaints[hostile.name] = found;
    }
    assertEquals(complaints, {});
  });
}

Deno.test("a package cut off anywhere in its trailer, table or metadata is no package to either reader", async () => {
  using ground = new TestGround();
  assertEquals(await readTruncated(await Deno.readFile(LAUNCHER), ground), []);
});
