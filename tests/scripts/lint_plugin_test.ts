import { assertEquals } from "@std/assert";
import plugin from "../../scripts/lint_plugin.ts";

/** The rules that a source text in the given file breaks. */
function lint(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, file, source).map(({ id }) => id);
}

const LIB = "/checkout/lib/read/open_package.ts";

Deno.test("no-host-in-lib reports the host, the clock and chance in lib/", () => {
  for (
    const source of [
      `Deno.readFile("x");`,
      `globalThis.Deno;`,
      `Date.now();`,
      `new Date();`,
      `Math.random();`,
      `console.log(1);`,
      `import "node:fs";`,
      `import "node:fs/promises";`,
      `import "node:child_process";`,
      `import "fs";`,
      `export * from "node:os";`,
      `export { arch } from "node:os";`,
      `export async function f(): Promise<void> { await import("node:os"); }`,
    ]
  ) assertEquals(lint(LIB, source), ["flavor/no-host-in-lib"], source);
});

Deno.test("no-host-in-lib accepts pure code in lib/ and everything outside or in lib/host", () => {
  for (
    const source of [
      `import { createHash } from "node:crypto"; createHash("sha256");`,
      `new Date(0);`,
      `Math.max(1, 2);`,
      `import "./fs.ts";`,
    ]
  ) assertEquals(lint(LIB, source), [], source);
  for (
    const file of [
      "/checkout/lib/host/clock.ts",
      "/checkout/cli.ts",
      "/checkout/tests/x.ts",
    ]
  ) {
    assertEquals(
      lint(file, `import "node:fs"; Date.now(); Deno.args;`),
      [],
      file,
    );
  }
});

Deno.test("no-top-level-await-in-lib reports await outside functions only", () => {
  const rule = "flavor/no-top-level-await-in-lib";
  assertEquals(lint(LIB, `await 1;`), [rule]);
  assertEquals(lint(LIB, `for await (const x of []) x;`), [rule]);
  assertEquals(
    lint(LIB, `export async function f(): Promise<void> { await 1; }`),
    [],
  );
  assertEquals(
    lint(LIB, `export const f = async (): Promise<void> => { await 1; };`),
    [],
  );
  assertEquals(lint("/checkout/cli.ts", `await 1;`), []);
});

Deno.test("no-pathname-of-new-url reports paths that break in a folder with a space", () => {
  const source = `new URL("../x", import.meta.url)`;
  assertEquals(lint("/checkout/tests/x_test.ts", `${source}.pathname;`), [
    "flavor/no-pathname-of-new-url",
  ]);
  assertEquals(lint("/checkout/tests/x_test.ts", `${source}.href;`), []);
});
