import { assertEquals, assertStringIncludes } from "@std/assert";

import { cli } from "../support/captured_host.ts";
import { packProject } from "../support/cli_project.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

function manifest(version: string, slots: readonly string[]): string {
  return `
package = { name = "demo", version = "${version}" }
execution = { command = "true" }
slots = [${
    slots.map((id) => `{ id = "${id}", source = "${id}", target = "${id}" }`)
      .join(", ")
  }]
`;
}

interface Part {
  readonly name: string;
  readonly status: string;
  readonly changes: readonly {
    readonly key: string;
    readonly before: unknown;
    readonly after: unknown;
  }[];
  readonly files?: readonly Part[];
}

async function project(dir: TempDir): Promise<void> {
  await dir.write("app/same", "same");
  await dir.write("app/text", "before");
  await dir.write("app/gone", "gone");
  await dir.write("app/tool", "#!/bin/sh\n", 0o755);
  await dir.write("kept/file", "untouched");
  await dir.write("old/file", "x");
  await dir.write("flavor.toml", manifest("1", ["app", "kept", "old"]));
  await packProject(dir, "a.psp");
}

Deno.test("diff names what changed in metadata, slots and files, and nothing else", async () => {
  await using dir = await tempDir();
  await project(dir);
  await dir.write("app/text", "after!");
  await Deno.remove(dir.at("app/gone"));
  await Deno.chmod(dir.at("app/tool"), 0o644);
  await Deno.symlink("text", dir.at("app/link"));
  await dir.write("new/file", "y");
  await dir.write("flavor.toml", manifest("2", ["app", "kept", "new"]));
  await packProject(dir, "b.psp", "--key-seed", "other");
  const { code, out } = await cli(["diff", "a.psp", "b.psp", "--json"], {
    cwd: dir.path,
  });
  assertEquals(code, 0);
  const { same, facts, slots } = JSON.parse(out);
  assertEquals(same, false);
  const keys = facts.map(({ key }: { key: string }) => key);
  assertEquals(keys.includes("signed by"), true);
  assertEquals(
    facts.find(({ key }: { key: string }) => key === "package.version"),
    { key: "package.version", before: "1", after: "2" },
  );
  assertEquals(
    slots.map((slot: Part) => `${slot.name} ${slot.status}`),
    ["app changed", "old removed", "new added"],
  );
  assertEquals(
    slots[0].files.map((file: Part) =>
      `${file.name} ${file.status} ${
        file.changes.map(({ key, after }) =>
          key === "sha256" ? key : `${key}=${after}`
        ).join()
      }`.trim()
    ),
    [
      "app/gone removed",
      "app/text changed sha256",
      "app/tool changed mode=0644",
      "app/link added",
    ],
  );
  assertEquals(
    slots[2].files.map((file: Part) => file.name),
    ["new", "new/file"],
  );
  const text = await cli(["diff", "a.psp", "b.psp"], { cwd: dir.path });
  assertStringIncludes(text.out, 'package.version: "1" -> "2"');
  assertStringIncludes(text.out, "\n  - app/gone\n");
  assertStringIncludes(text.out, '\n      mode: "0755" -> "0644"\n');
  assertEquals(text.out.includes("app/same"), false);
});

Deno.test("diff ends with 4 for a difference only when --exit-code asks for it", async () => {
  await using dir = await tempDir();
  await project(dir);
  const options = { cwd: dir.path };
  const same = await cli(["diff", "a.psp", "a.psp", "--exit-code"], options);
  assertEquals([same.code, same.out], [0, "a.psp and a.psp are the same\n"]);
  await dir.write("app/text", "after!");
  await packProject(dir, "b.psp");
  const asked = await cli(["diff", "a.psp", "b.psp", "--exit-code"], options);
  assertEquals(asked.code, 4);
  assertEquals((await cli(["diff", "a.psp", "b.psp"], options)).code, 0);
  await dir.write("c.psp", "not a package");
  assertEquals((await cli(["diff", "a.psp", "c.psp"], options)).code, 3);
});

Deno.test("diff refuses a changed slot that does not have its digest", async () => {
  await using dir = await tempDir();
  await project(dir);
  await dir.write("app/text", "after!");
  await packProject(dir, "b.psp");
  const bytes = await Deno.readFile(dir.at("b.psp"));
  const { out } = await cli(["inspect", "b.psp", "--json"], { cwd: dir.path });
  const [slot] = JSON.parse(out).slots;
  bytes[slot.offset + 20] = (bytes[slot.offset + 20] ?? 0) ^ 1;
  await dir.write("b.psp", bytes);
  const { code } = await cli(["diff", "a.psp", "b.psp"], { cwd: dir.path });
  assertEquals(code === 0, false);
});

Deno.test("diff does not call a package the same whose stored bytes were changed", async () => {
  await using dir = await tempDir();
  await project(dir);
  const bytes = await Deno.readFile(dir.at("a.psp"));
  const { slots } = JSON.parse(
    (await cli(["inspect", "a.psp", "--json"], { cwd: dir.path })).out,
  );
  bytes[slots[1].offset + 20] = (bytes[slots[1].offset + 20] ?? 0) ^ 1;
  await Deno.writeFile(dir.at("bad.psp"), bytes);
  const { code, err } = await cli(["diff", "a.psp", "bad.psp"], {
    cwd: dir.path,
  });
  assertEquals(code, 4);
  assertStringIncludes(err, "[verify/slot-digest]");
});
