import { assertEquals } from "@std/assert";
import { findUnused } from "../../scripts/check_imports.ts";

const NAME = "@scope/name";

Deno.test("findUnused() accepts every form of import", () => {
  for (
    const source of [
      `import { x } from "${NAME}";`,
      `import {\n  x,\n} from "${NAME}/part";`,
      `import type { X } from "${NAME}/part";`,
      `import "${NAME}";`,
      `export * from "${NAME}/part";`,
      ` * import { x } from "${NAME}";`,
    ]
  ) assertEquals(findUnused([NAME], ["", source]), [], source);
});

Deno.test("findUnused() names a package that is only mentioned, or whose name goes on", () => {
  for (
    const source of [
      `// see "${NAME}"`,
      `const name = "${NAME}";`,
      `import { x } from "${NAME}-else";`,
    ]
  ) assertEquals(findUnused([NAME], [source]), [NAME], source);
});
