import { assertEquals, assertStringIncludes } from "@std/assert";

import { cli } from "../support/captured_host.ts";
import { tempDir } from "../support/temp_dir.ts";
import { flavor, run } from "./support/processes.ts";
import { librariesOf, PACK_ENV, startBare } from "./support/projects.ts";

/** A JSR of two packages on loopback: what is packed cannot ask it any more. */
function serveJsr(): Deno.HttpServer<Deno.NetAddr> {
  const files = new Map<string, string>();
  const publish = (name: string, code: string): void => {
    files.set(
      `/${name}/meta.json`,
      JSON.stringify({
        scope: name.slice(1).split("/")[0],
        name: name.split("/")[1],
        latest: "1.1.0",
        versions: { "1.0.0": {}, "1.1.0": {} },
      }),
    );
    for (const version of ["1.0.0", "1.1.0"]) {
      files.set(
        `/${name}/${version}_meta.json`,
        JSON.stringify({
          manifest: {
            "/mod.ts": { size: code.length, checksum: checksums.get(code) },
          },
          exports: { ".": "./mod.ts" },
        }),
      );
      files.set(`/${name}/${version}/mod.ts`, code);
    }
  };
  publish("@acme/greet", GREET);
  publish("@acme/words", WORDS);
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      const text = files.get(pathname);
      return text === undefined
        ? new Response("Not found", { status: 404 })
        : new Response(text, {
          headers: {
            "content-type": pathname.endsWith(".json")
              ? "application/json"
              : "text/typescript",
          },
        });
    },
  );
}

const WORDS = 'export const hello: string = "hello";\n';
const GREET = `import { hello } from "jsr:@acme/words@1";
export const greet = (name: string): string => \`\${hello} \${name}\`;
`;
const checksums = new Map<string, string>(
  await Promise.all([WORDS, GREET].map(async (code) => {
    const bytes = new TextEncoder().encode(code);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = Array.from(digest, (one) => one.toString(16).padStart(2, "0"));
    return [code, `sha256-${hex.join("")}`] as const;
  })),
);

Deno.test("a Deno program with JSR dependencies runs where nothing is installed", async () => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  const server = serveJsr();
  // Only what is packed asks there: flavor's own modules come from elsewhere.
  const env = {
    ...PACK_ENV,
    PATH: Deno.env.get("PATH") ?? "",
    JSR_URL: `http://127.0.0.1:${server.addr.port}/`,
  };
  await dir.write(
    "deno.json",
    JSON.stringify({
      name: "@acme/greeter",
      version: "0.3.0",
      exports: "./main.ts",
      imports: { "@acme/greet": "jsr:@acme/greet@^1.0.0" },
      permissions: { default: { read: ["."] } },
    }),
  );
  await dir.write(
    "main.ts",
    `import { greet } from "@acme/greet";
console.log(greet(Deno.args[0] ?? "nobody"));
const { state } = await Deno.permissions.query({ name: "net" });
console.log(state);
`,
  );
  const args = ["pack", "--key-seed", "test", "--smoke=x"];
  const first = await cli(args, { cwd: dir.path, env });
  assertEquals(first.code, 0, first.err);
  const path = dir.at("dist", "greeter.psp");
  const digest = (await run("sha256sum", [path])).stdout;
  const second = await cli(args, { cwd: dir.path, env });
  assertEquals(second.code, 0, second.err);
  assertEquals((await run("sha256sum", [path])).stdout, digest);
  await server.shutdown();

  const { code, stdout, stderr } = await startBare(path, ["you"], cache.path);
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "hello you\nprompt\n");
  assertEquals(await librariesOf(path), [
    "@acme/greet==1.1.0",
    "@acme/words==1.1.0",
  ]);
});

Deno.test("a Deno program says what it may do, or is not packed", async () => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  await dir.write("deno.json", '{ "exports": "./main.ts" }');
  await dir.write(
    "main.ts",
    "console.log(Deno.readTextFileSync(import.meta.filename!).length > 0);\n",
  );
  const options = { cwd: dir.path, env: PACK_ENV };
  const refused = await flavor(["pack"], options);
  assertEquals(refused.code, 3, refused.stderr);
  assertStringIncludes(
    refused.stderr,
    "No permissions are given for the program",
  );
  const packed = await flavor(
    ["pack", "--allow-read", "--output", "app.psp"],
    options,
  );
  assertEquals(packed.code, 0, packed.stderr);
  const { stdout } = await startBare(dir.at("app.psp"), [], cache.path);
  assertEquals(stdout, "true\n");
});
