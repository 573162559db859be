import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl, join, toFileUrl } from "@std/path";

const GENERATE = fromFileUrl(
  new URL("../../scripts/mirror/generate.ts", import.meta.url),
);

/** A checkout that imports one package, and an npm package that has it. */
const FILES: Readonly<Record<string, string>> = {
  "deno.json": `{ "imports": { "@std/bytes": "jsr:@std/bytes@^1.2.3" } }`,
  "scripts/mirror/types/bytes/first.d.ts":
    `export declare function first(bytes: Uint8Array): number;\n`,
  "scripts/mirror/types/path/join.d.ts":
    `export declare function join(): string;\n`,
  "scripts/mirror/stand_ins/bytes/made_by_hand.ts":
    `export const hand: number = 5;\n`,
  "std/bytes/first.js":
    `import { at } from "../internal/at.js";\nexport function first(bytes) { return at(bytes, 0); }\n`,
  "std/internal/at.js":
    `/** \`\`\`ts\n * import { at } from "./nowhere.js";\n * \`\`\` */\nexport function at(bytes, index) { return bytes[index]; }\n`,
  "std/internal/unrelated.js": `export {};\n`,
  "good.ts": `
    import { first } from "@std/bytes/first";
    import { hand } from "@std/bytes/made-by-hand";
    console.log(first(new Uint8Array([4])) + hand);
  `,
  "bad.ts": `
    import { first } from "@std/bytes/first";
    first("text");
  `,
};

async function deno(
  cwd: string,
  args: string[],
  mirror?: string,
): Promise<[number, string]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: {
      NO_COLOR: "1",
      ...(mirror === undefined ? {} : { JSR_URL: `${toFileUrl(mirror)}/` }),
    },
  }).output();
  return [
    code,
    new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
  ];
}

async function listNames(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name))
    .sort();
}

Deno.test("generate.ts makes a mirror that Deno runs and type-checks against", async () => {
  const root = await Deno.makeTempDir({ prefix: "flavor mirror " });
  try {
    for (const [path, text] of Object.entries(FILES)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    const mirror = join(root, "mirror", "key");
    const args = ["run", "--quiet", "--allow-read", "--allow-write", GENERATE];
    const paths = [root, join(root, "std"), join(root, "hono"), mirror];
    assertEquals(await deno(root, [...args, ...paths]), [0, ""]);

    assertEquals(
      await deno(root, ["run", "--quiet", "--check", "good.ts"], mirror),
      [0, "9\n"],
    );
    const [code, output] = await deno(root, ["check", "bad.ts"], mirror);
    assertEquals(code, 1);
    assertStringIncludes(
      output,
      "not assignable to parameter of type 'Uint8Array",
    );

    // The lowest version in range, only what is mapped, only what is needed.
    assertEquals(await listNames(join(mirror, "@std")), ["bytes", "internal"]);
    const meta = JSON.parse(
      await Deno.readTextFile(join(mirror, "@std/bytes/meta.json")),
    );
    assertEquals(meta.latest, "1.2.3");
    const internal = await Deno.readTextFile(
      join(mirror, "@std/internal/1.0.0_meta.json"),
    );
    assertEquals(Object.keys(JSON.parse(internal).manifest), ["/at.js"]);

    // A second run beside or after the first must not disturb what is there.
    assertEquals(await deno(root, [...args, ...paths]), [0, ""]);
    assertEquals(await listNames(dirname(mirror)), ["key"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

/** A checkout of the standard library: workspace members with bare imports. */
const SOURCE_FILES: Readonly<Record<string, string>> = {
  "deno.json": `{
    "imports": { "@std/bytes": "jsr:@std/bytes@^1.2.0" },
    "compilerOptions": { "noUncheckedIndexedAccess": true }
  }`,
  "std/deno.json": `{ "workspace": ["./bytes", "./internal"] }`,
  "std/bytes/deno.json":
    `{ "version": "1.2.3", "exports": { "./first": "./first.ts" } }`,
  "std/bytes/first.ts":
    `/** \`import "@std/nowhere";\` */\nimport { at } from "@std/internal/at";\n` +
    `export function first(bytes: Uint8Array): number {\n  const lax = at(bytes, 0);\n  return lax;\n}\n`,
  "std/bytes/first_test.ts": `import "@std/nowhere";\n`,
  "std/internal/deno.json":
    `{ "version": "1.0.7", "exports": { "./at": "./at.ts" } }`,
  // Our compiler options would refuse this, were it a part of the project.
  "std/internal/at.ts":
    `export function at(bytes: Uint8Array, index: number): number {\n  return bytes[index];\n}\n`,
  "good.ts": `
    import { first } from "@std/bytes/first";
    console.log(first(new Uint8Array([4])), Deno.env.get("JSR_URL"));
    Deno.exitCode = 7;
  `,
};

Deno.test("serve.ts offers the packages of a checkout of the standard library over HTTP", async () => {
  const root = await Deno.makeTempDir({ prefix: "flavor source " });
  try {
    for (const [path, text] of Object.entries(SOURCE_FILES)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    const mirror = join(root, "mirror", "source-17");
    assertEquals(
      await deno(root, [
        ...["run", "--quiet", "--allow-read", "--allow-write", GENERATE],
        ...[root, join(root, "std"), join(root, "hono"), mirror],
      ]),
      [0, ""],
    );
    const linked = await Deno.readTextFile(
      join(mirror, "@std/bytes/1.2.3/first.ts"),
    );
    assertStringIncludes(linked, `from "jsr:@std/internal@^1.0.7/at"`);
    assertEquals(
      await listNames(join(mirror, "@std/bytes/1.2.3")),
      ["first.ts"],
    );
    const serve = fromFileUrl(
      new URL("../../scripts/mirror/serve.ts", import.meta.url),
    );
    const [code, output] = await deno(root, [
      ...["run", "--quiet", "--no-config", "--allow-all", serve, mirror],
      ...[Deno.execPath(), "run", "--quiet", "--check", "--allow-env"],
      "good.ts",
    ]);
    assertEquals(code, 7, output);
    assertMatch(output, /^4 http:\/\/127\.0\.0\.1:\d+\/source-17\/$/m);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
