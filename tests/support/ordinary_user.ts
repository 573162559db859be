import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const MARK = "FLAVOR_TEST_IS_ORDINARY_USER";

/**
 * Defines tests that must not have the powers of root, to whom no mode means
 * anything. Where root runs the tests, the file runs once more in a process
 * that has given up its capabilities.
 */
export function asOrdinaryUser(url: string, define: () => void): void {
  if (Deno.build.os === "windows") return;
  if (Deno.uid() !== 0 || Deno.env.get(MARK) !== undefined) return define();
  Deno.test(`without the powers of root: ${url.split("/").at(-1)}`, async () => {
    const { code, stdout, stderr } = await new Deno.Command("setpriv", {
      args: [
        ...["--inh-caps=-all", "--bounding-set=-all", Deno.execPath()],
        ...["test", "--quiet", "--no-check", "--allow-all", fromFileUrl(url)],
      ],
      env: { [MARK]: "1", NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout) +
      new TextDecoder().decode(stderr);
    assertEquals(code, 0, text);
    assert(/^ok \| [1-9]\d* passed.* \| 0 failed/m.test(text), text);
  });
}
