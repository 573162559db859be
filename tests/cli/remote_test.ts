/** Commands that read packages take them from web servers. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { keyFingerprint, keyPairFromSeed } from "@flavor/pspf/crypto";
import { fromFileUrl } from "@std/path";
import { cli, type CliOutcome } from "../support/captured_host.ts";
import {
  type Fault,
  type HttpServer,
  pieces,
  serveBytes,
} from "../support/http_server.ts";
import { makeProject, type Project } from "../registry/project.ts";
import { tempDir } from "../support/temp_dir.ts";
import { demoPackage } from "../web/demo_packages.ts";

/** A package on a server, and a command line beside it. */
async function served(): Promise<
  { server: HttpServer; project: Project } & AsyncDisposable
> {
  const project = await makeProject();
  await project.pack("app.psp", "one", 500_000);
  const bytes = await Deno.readFile(project.dir.at("app.psp"));
  const server = serveBytes(bytes);
  return {
    server,
    project,
    async [Symbol.asyncDispose](): Promise<void> {
      await server[Symbol.asyncDispose]();
      await project[Symbol.asyncDispose]();
    },
  };
}

/** A server that knows nothing of ranges. */
function wholeOnly(bytes: Uint8Array<ArrayBuffer>): Fault {
  return () =>
    new Response(pieces(bytes), {
      headers: { "content-length": String(bytes.length) },
    });
}

Deno.test("inspect, verify, extract, extract-all and diff read from a web server", async () => {
  await using all = await served();
  const { server, project } = all;
  const { url } = server;
  const { package_metadata, package: name } = await project.json(
    "inspect",
    url,
  );
  assertEquals([package_metadata.name, name], ["demo", url]);
  assertEquals([server.served.length, server.sent], [1, 64 * 1024]);
  const none = await project.json("verify", url, "--level", "none");
  assertEquals(none.valid, true);
  assertEquals([server.served.length, server.sent], [2, 2 * 64 * 1024]);

  assertEquals((await project.json("verify", url)).valid, true);
  assertEquals((await project.json("diff", "app.psp", url)).same, true);
  await project.json("extract", url, "program", "program.out");
  assertEquals(await project.same("program.out", "program"), true);
  await project.json("extract-all", url, "out");
  assertEquals(await project.same("out/runtime/bin", "runtime/bin"), true);
  await project.json("extract", url, "0", "one", "--file", "runtime/bin");
  assertEquals(await project.same("one", "runtime/bin"), true);
  const tree = await project.json("inspect", url, "--tree");
  assertEquals(tree.slots[0].files.length, 2);
  const { out } = await project.flavor(
    ["extract", url, "runtime", "-", "--file", "runtime/bin"],
  );
  assertEquals(out.length, 500_000);
  assertStringIncludes(
    await project.fails("extract", url, "0", "x", "--file", "a", "--raw"),
    "usage/bad-argument",
  );
  assertStringIncludes(
    await project.fails("extract", url, "0", "x", "--file", "runtime"),
    "it is a directory",
  );
});

Deno.test("sbom fetches the list of components, and leaves the rest where it is", async () => {
  await using dir = await tempDir();
  const sbom = { bomFormat: "CycloneDX", specVersion: "1.6", components: [] };
  const bytes = await demoPackage({ sbom, launcherSize: 500_000 });
  await using server = serveBytes(bytes);
  const flavor = (...args: string[]): Promise<CliOutcome> =>
    cli(args, { cwd: dir.path });
  const { code, out, err } = await flavor("sbom", server.url, "--json");
  assertEquals(code, 0, err);
  assertEquals(JSON.parse(out), sbom);
  // The launcher stays where it is.
  assert(server.sent < 100_000, `${server.sent} bytes sent`);
  await using without = serveBytes(await demoPackage());
  const missing = await flavor("sbom", without.url);
  assertEquals(missing.code > 1, true);
  assertStringIncludes(missing.err, "contains no SBOM");
  await using whole = serveBytes(bytes, { fault: wholeOnly(bytes) });
  assertEquals((await flavor("sbom", whole.url)).code > 0, true);
  assertEquals((await flavor("sbom", whole.url, "--download")).code, 0);
});

Deno.test("a package that a server cannot send in parts is fetched whole when asked to", async () => {
  await using all = await served();
  const { server, project } = all;
  const bytes = await Deno.readFile(project.dir.at("app.psp"));
  server.fault = wholeOnly(bytes);
  const { code, err } = await project.flavor(["inspect", server.url]);
  assertEquals(code, 5);
  assertStringIncludes(err, "hint: Fetch it whole with --download");
  const summary = await project.json("inspect", server.url, "--download");
  assertEquals([summary.package, summary.size], [server.url, bytes.length]);
  assertEquals(
    (await project.json("verify", server.url, "--download")).valid,
    true,
  );
});

for (const command of ["inspect", "run"]) {
  Deno.test(`${command} speaks plain HTTP to another machine only when told to`, async () => {
    await using dir = await tempDir();
    // Tests may use loopback only; the refusal names the address.
    const reference = "oci://registry.invalid:5000/team/app:1";
    for (const [flags, scheme] of [[[], "https"], [["--plain-http"], "http"]]) {
      const { code, err } = await cli([command, ...flags ?? [], reference], {
        cwd: dir.path,
      });
      assertEquals(code, 5, err);
      assertStringIncludes(err, ` ${scheme}://registry.invalid:5000/v2/team/`);
    }
  });
}

/** `flavor run` on a machine that starts nothing. */
async function runs(
  project: Project,
  ...args: readonly string[]
): Promise<CliOutcome & { readonly started: readonly string[] }> {
  let started: readonly string[] = [];
  const outcome = await cli(["run", ...args], {
    cwd: project.dir.path,
    env: { FLAVOR_CACHE: project.dir.at("cache") },
    change: (host) => ({
      ...host,
      processes: {
        ...host.processes,
        runInPlace: ({ program, args: given }) => {
          started = [program, ...given];
          return Promise.resolve({ code: 7 });
        },
      },
    }),
  });
  return { ...outcome, started };
}

Deno.test("run fetches a package once, and starts it when every byte is checked", async () => {
  await using all = await served();
  const { server, project } = all;
  const first = await runs(project, server.url, "--download", "serve");
  assertEquals(first.code, 7, first.err);
  const [program = "", ...args] = first.started;
  // What stands behind the package belongs to the application.
  assertEquals(args, ["--download", "serve"]);
  assertStringIncludes(program, project.dir.at("cache/packages/"));
  assertEquals(program.endsWith("/app.psp"), true);
  const { mode } = await Deno.stat(program);
  assertEquals((mode ?? 0) & 0o777, 0o700);
  const kept = await Deno.readFile(program);
  assertEquals(kept, await Deno.readFile(project.dir.at("app.psp")));
  assertStringIncludes(first.err, "no trusted key was given");

  // The second time its end is enough.
  const before = server.sent;
  const key = await keyFingerprint((await keyPairFromSeed("seed")).publicKey);
  const second = await runs(project, "--trusted-key", key, server.url);
  assertEquals([second.code, second.started[0]], [7, program], second.err);
  assertEquals(server.sent - before, 64 * 1024);
  assertEquals(second.err.includes("no trusted key"), false);

  // A copy that was damaged is none.
  kept[kept.length >> 1] = (kept[kept.length >> 1] ?? 0) ^ 1;
  await Deno.writeFile(program, kept);
  const third = await runs(project, server.url);
  assertEquals([third.code, third.started[0]], [7, program], third.err);
  assertStringIncludes(third.err, "damaged and is fetched again");

  // Servers without ranges will do here: all of it is needed.
  await Deno.remove(project.dir.at("cache"), { recursive: true });
  server.fault = wholeOnly(await Deno.readFile(project.dir.at("app.psp")));
  assertEquals((await runs(project, server.url)).code, 7);
});

Deno.test("run starts and keeps nothing that is not trusted or not whole", async () => {
  await using all = await served();
  const { server, project } = all;
  const other = await runs(
    project,
    "--trusted-key",
    "0".repeat(64),
    server.url,
  );
  assertEquals([other.code, other.started], [4, []]);
  assertStringIncludes(other.err, "verify/untrusted-key");
  // That was found before anything was fetched.
  assertEquals([server.served.length, server.sent], [1, 64 * 1024]);

  const bytes = await Deno.readFile(project.dir.at("app.psp"));
  bytes[2000] = (bytes[2000] ?? 0) ^ 1;
  server.fault = (_request, _number, honest) => honest(bytes);
  const changed = await runs(project, server.url);
  assertEquals([changed.code, changed.started], [4, []]);
  assertStringIncludes(changed.err, "verify/slot-digest");
  const kept = project.dir.at("cache/packages");
  for await (const { name } of Deno.readDir(kept)) {
    const names = await Array.fromAsync(Deno.readDir(`${kept}/${name}`));
    assertEquals(names, []);
  }
});

Deno.test("what was not started for a month goes when something new comes", async () => {
  await using all = await served();
  const { server, project } = all;
  const old = project.dir.at("cache/packages/old");
  const recent = project.dir.at("cache/packages/recent");
  await Deno.mkdir(old, { recursive: true });
  await Deno.mkdir(recent);
  await Deno.chmod(project.dir.at("cache"), 0o700);
  const days = (count: number): Date =>
    new Date(Date.now() - count * 24 * 60 * 60 * 1000);
  await Deno.utime(old, days(31), days(31));
  await Deno.utime(recent, days(29), days(29));
  assertEquals((await runs(project, server.url)).code, 7);
  const names = await Array.fromAsync(
    Deno.readDir(project.dir.at("cache/packages")),
    ({ name }) => name,
  );
  assertEquals(names.includes("old"), false);
  assertEquals(names.includes("recent"), true);
});

Deno.test("a key is not trusted because a server has it", async () => {
  await using all = await served();
  const { server, project } = all;
  const { code } = await project.flavor(
    ["verify", "app.psp", "--trusted-key", server.url],
  );
  assert(code > 1);
  assertEquals(server.served.length, 0);
});

Deno.test("servers are reached through the proxy that the environment names", async () => {
  await using all = await served();
  const { server, project } = all;
  const { host } = new URL(server.url);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-all",
      "--no-check",
      "--config",
      fromFileUrl(new URL("../../deno.json", import.meta.url)),
      fromFileUrl(new URL("../../cli.ts", import.meta.url)),
      "inspect",
      "http://packages.test/app.psp",
      "--json",
    ],
    cwd: project.dir.path,
    env: { HTTP_PROXY: `http://${host}`, NO_PROXY: "" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const { package: name } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(name, "http://packages.test/app.psp");
  assertEquals(server.served[0]?.headers.get("host"), "packages.test");
});

Deno.test("sbom reads the list of components from a web server", async () => {
  const sbom = {
    bomFormat: "CycloneDX",
    serialNumber: "urn:uuid:00000000-0000-8000-8000-000000000000",
    metadata: { component: { name: "weather", version: "1" } },
    components: [{
      name: "a",
      version: "2",
      purl: "pkg:npm/a@2",
      licenses: [{ license: { id: "MIT" } }, { license: { name: "My own" } }],
    }, {
      name: "b",
      version: "3",
      licenses: [{ expression: "MIT OR Apache-2.0" }],
    }],
  };
  await using server = serveBytes(await demoPackage({ sbom }));
  const cwd = Deno.cwd();
  const asSigned = await cli(["sbom", server.url], { cwd });
  assertEquals(asSigned.code, 0, asSigned.err);
  assertEquals(JSON.parse(asSigned.out), sbom);
  const spdx = await cli(["sbom", server.url, "--format", "spdx"], { cwd });
  const { packages } = JSON.parse(spdx.out) as {
    readonly packages: readonly Record<string, unknown>[];
  };
  assertEquals(
    packages.map((one) => [one["name"], one["licenseDeclared"]]),
    [
      ["weather", "NOASSERTION"],
      ["a", "NOASSERTION"],
      ["b", "MIT OR Apache-2.0"],
    ],
  );
});

Deno.test("no answer and no message repeats the password of an address", async () => {
  await using all = await served();
  const { server, project } = all;
  const { host } = new URL(server.url);
  const secret = `http://alice:hunter2@${host}/app.psp?token=hunter3`;
  const shown = `http://${host}/app.psp?…`;
  const quiet = async (...args: readonly string[]): Promise<CliOutcome> => {
    const outcome = await project.flavor(args);
    const said = outcome.out + outcome.err;
    assertEquals(/hunter/.exec(said), null, said);
    return outcome;
  };
  assertStringIncludes(
    (await quiet("verify", secret)).out,
    `${shown} is valid`,
  );
  await quiet("verify", secret, "--json");
  await quiet("diff", secret, "app.psp");
  await quiet("diff", "app.psp", secret, "--json");
  await quiet("extract", secret, "0", "one", "--json");
  await quiet("extract-all", secret, "all", "--json");
  await quiet("sbom", secret);
  const started = await runs(project, secret);
  assertStringIncludes(started.err, `${shown} is intact`);
  assertEquals(started.err.includes("hunter"), false, started.err);

  // Nor where it is no address that could be read, or was never meant to be one.
  for (
    const args of [
      ["verify", "https://alice:hunter2@127.0.0.1:99999/app.psp"],
      ["verify", `ftp://alice:hunter2@${host}/app.psp`],
      ["pack", "--log-level", "trace", `http://alice:hunter2@${host}/app`],
      ["pull", `oci://alice:hunter2@${host}/app:1`],
      ["pull", `alice:hunter2@${host}/app:1`],
    ]
  ) {
    assertEquals((await quiet(...args)).code > 0, true);
    assertEquals((await quiet(...args, "--json")).code > 0, true);
  }
  assertStringIncludes(
    await project.fails("verify", "https://127.0.0.1:99999/app.psp"),
    "usage/bad-argument",
  );
});
