import { fileURLToPath } from "node:url";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { findViolation, listEdges } from "../../scripts/check_layers.ts";

Deno.test("findViolation() accepts imports that point downwards", () => {
  for (
    const [from, to] of [
      ["lib/cli/main.ts", "lib/read/open_package.ts"],
      ["lib/read/open_package.ts", "lib/format/trailer.ts"],
      ["lib/format/trailer.ts", "lib/errors.ts"],
      ["lib/pack/mod.ts", "lib/manifest/build_plan.ts"],
      ["lib/archive/tar_writer.ts", "lib/io/file_tree.ts"],
      ["lib/host/deno_host.ts", "lib/workenv/cache.ts"],
      ["lib/launchers/list_helpers.ts", "lib/host/types.ts"],
      ["lib/crypto/sha256.ts", "node:crypto"],
      ["cli.ts", "lib/host/deno_host.ts"],
      ["lib/pack/pack_host.ts", "lib/host/load_host.ts"],
      ["lib/io/open_source.ts", "lib/host/file_source.ts"],
      ["lib/io/open_source.ts", "lib/registry/registry_source.ts"],
      ["lib/registry/registry_source.ts", "lib/host/credential_host.ts"],
      ["lib/cli/open_registry.ts", "lib/registry/registry_source.ts"],
    ] as const
  ) assertEquals(findViolation({ from, to }), undefined, `${from} -> ${to}`);
});

Deno.test("findViolation() names why an import is wrong", () => {
  for (
    const [from, to, reason] of [
      [
        "lib/format/trailer.ts",
        "lib/io/byte_sink.ts",
        "lib/io is above lib/format",
      ],
      ["lib/errors.ts", "lib/bytes/u64.ts", "same layer"],
      ["lib/io/open_source.ts", "lib/registry/reference.ts", "is above"],
      ["lib/io/blob_source.ts", "lib/registry/registry_source.ts", "is above"],
      ["lib/read/extract.ts", "lib/pack/mod.ts", "is above lib/read"],
      ["lib/manifest/parse.ts", "lib/read/mod.ts", "same layer"],
      ["lib/cli/main.ts", "lib/host/deno_host.ts", "only cli.ts"],
      ["lib/io/blob_source.ts", "lib/host/types.ts", "only cli.ts"],
      ["lib/pack/mod.ts", "lib/host/load_host.ts", "only cli.ts"],
      ["lib/pack/pack_host.ts", "lib/host/deno_host.ts", "only cli.ts"],
      ["lib/host/deno_host.ts", "lib/cli/run_cli.ts", "is above"],
      ["lib/read/mod.ts", "cli.ts", "nothing outside lib/"],
      ["lib/read/mod.ts", "npm:tar@7", "only jsr:"],
      ["lib/read/mod.ts", "https://example.test/x.ts", "only jsr:"],
      ["lib/novel/mod.ts", "lib/errors.ts", "in no layer"],
    ] as const
  ) {
    assertStringIncludes(
      findViolation({ from, to }) ?? "accepted",
      reason,
      `${from} -> ${to}`,
    );
  }
});

Deno.test("listEdges() follows code and type imports, relative to the checkout", () => {
  const graph = {
    modules: [{
      specifier: "file:///a%20b/lib/read/mod.ts",
      dependencies: [
        { code: { specifier: "file:///a%20b/lib/errors.ts" } },
        { type: { specifier: "file:///a%20b/lib/host/mod.ts" } },
        { code: { specifier: "node:zlib" } },
      ],
    }],
  };
  const from = "lib/read/mod.ts";
  assertEquals(listEdges(graph, "/a b"), [
    { from, to: "lib/errors.ts" },
    { from, to: "lib/host/mod.ts" },
    { from, to: "node:zlib" },
  ]);
});

Deno.test("check_layers.ts fails on a checkout with an upward type import", async () => {
  const root = await Deno.makeTempDir({ prefix: "flavor layers " });
  try {
    await Deno.mkdir(`${root}/lib/format`, { recursive: true });
    await Deno.writeTextFile(`${root}/deno.json`, "{}");
    await Deno.mkdir(`${root}/lib/cli`);
    await Deno.writeTextFile(
      `${root}/lib/cli/main.ts`,
      "export type Main = string;\n",
    );
    await Deno.writeTextFile(
      `${root}/lib/format/trailer.ts`,
      `import type { Main } from "../cli/main.ts";\nexport type T = Main;\n`,
    );
    const script = fileURLToPath(
      new URL("../../scripts/check_layers.ts", import.meta.url),
    );
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", decodeURIComponent(script), root],
    }).output();
    assertEquals(code, 1);
    assertStringIncludes(
      new TextDecoder().decode(stderr),
      "lib/format/trailer.ts imports lib/cli/main.ts: lib/cli is above lib/format",
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
