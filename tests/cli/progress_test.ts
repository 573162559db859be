import { assert, assertEquals, assertMatch } from "@std/assert";

import type { Host } from "../../lib/host/types.ts";
import { cli } from "../support/captured_host.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { tempDir } from "../support/temp_dir.ts";

const MANIFEST = `
package = { name = "demo", version = "1" }
execution = { command = "true" }

[[slots]]
id = "small"
source = "small"
target = "small"

[[slots]]
id = "tree"
source = "tree"
target = "tree"
`;

/** A clock on which a second passes between any two looks. */
function slowClock(): (host: Host) => Host {
  let looks = 0;
  const monotonic = (): number => 1000 * looks++;
  return (host) => ({ ...host, clock: { ...host.clock, monotonic } });
}

Deno.test("verify, extract and extract-all draw one bar each, which ends at the whole", async () => {
  await using dir = await tempDir();
  await dir.write("flavor.toml", MANIFEST);
  await dir.write("small", "0123456789".repeat(100));
  await dir.write("tree/noise", pseudoRandomBytes(1 << 20));
  await dir.write("launcher", foreignLauncher());
  const packed = await cli(
    ["pack", "--launcher-bin", "launcher", "-o", "demo.psp", "--quiet"],
    { cwd: dir.path },
  );
  assertEquals(packed.code, 0, packed.err);

  for (
    const [label, ...args] of [
      ["verifying", "verify", "demo.psp"],
      ["extracting", "extract", "demo.psp", "tree", "tree.out"],
      ["extracting", "extract", "demo.psp", "small", "raw", "--raw"],
      ["extracting", "extract-all", "demo.psp", "all"],
      ["extracting", "extract-all", "demo.psp", "all-raw", "--raw"],
    ] as const
  ) {
    const { code, err } = await cli(args, {
      cwd: dir.path,
      terminal: true,
      change: slowClock(),
    });
    assertEquals(code, 0, err);
    const drawn = err.split("\r\x1b[K").filter((text) => text !== "");
    assert(drawn.every((text) => text.startsWith(`${label}  [`)), err);
    assertMatch(
      drawn.at(-1) ?? "",
      // The index and the padding of a package are not worth a step of the bar.
      label === "verifying"
        ? /\[#{24}\] +99 % {2}1 MiB of 1 MiB {2}[\d.]+ KiB\/s {2}\d s left$/
        : /\[#{24}\] 100 % {2}(\S+ \w+) of \1 {2}\S+ (?:[KM]i)?B\/s$/,
      args.join(" "),
    );
    assert(err.endsWith("\r\x1b[K"), err);
  }
});
