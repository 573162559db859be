import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { RunningServer } from "../../lib/host/types.ts";
import { cli, type CliOutcome } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { demoPackage, SBOM, tamper } from "./demo_packages.ts";

/** `flavor serve` in this process, until it is disposed. */
async function serve(
  dir: TempDir,
  ...args: readonly string[]
): Promise<
  AsyncDisposable & { readonly url: string; end(): Promise<CliOutcome> }
> {
  const started = Promise.withResolvers<RunningServer>();
  const outcome = cli(["serve", "--port", "0", ...args], {
    cwd: dir.path,
    change: (host) => ({
      ...host,
      network: {
        async serve(answer, address): Promise<RunningServer> {
          const server = await host.network.serve(answer, address);
          started.resolve(server);
          return server;
        },
      },
    }),
  });
  const server = await Promise.race([
    started.promise,
    outcome.then(({ err }) => Promise.reject(new Error(err))),
  ]);
  const { host, port } = server.address;
  const end = async (): Promise<CliOutcome> => {
    await server[Symbol.asyncDispose]();
    return await outcome;
  };
  return {
    url: `http://${host}:${port}`,
    end,
    [Symbol.asyncDispose]: async () => void await end(),
  };
}

Deno.test("flavor serve prints its address and answers on it", async () => {
  await using dir = await tempDir();
  const bytes = await demoPackage({ sbom: SBOM });
  await dir.write("dist/app.psp", bytes);
  await using service = await serve(dir, "dist");
  const page = await fetch(`${service.url}/`);
  assertEquals(page.headers.get("content-type"), "text/html; charset=utf-8");
  assertStringIncludes(await page.text(), "<main");
  const file = `${service.url}/packages/app.psp`;
  const part = await fetch(file, { headers: { range: "bytes=-8200" } });
  assertEquals(part.status, 206);
  assertEquals(await part.bytes(), bytes.slice(-8200));
  const head = await fetch(file, { method: "HEAD" });
  assertEquals(head.headers.get("content-length"), `${bytes.length}`);
  const report = await fetch(
    `${service.url}/api/packages/app.psp/verify.jsonl`,
  );
  const lines = (await report.text()).trimEnd().split("\n");
  assertEquals(JSON.parse(lines.at(-1) ?? "").verdict.valid, true);
  const { code, out, err } = await service.end();
  assertEquals([code, err], [0, ""]);
  assertEquals(out.trim(), `${service.url}/`);
});

Deno.test("flavor serve lets files be removed while they are sent", async () => {
  await using dir = await tempDir();
  const bytes = await demoPackage({ launcherSize: 4_000_000 });
  await dir.write("dist/app.psp", bytes);
  await using service = await serve(dir, "dist");
  const response = await fetch(`${service.url}/packages/app.psp`);
  await Deno.remove(dir.at("dist/app.psp"));
  assertEquals((await response.bytes()).length, bytes.length);
  const gone = await fetch(`${service.url}/packages/app.psp`);
  assertEquals(gone.status, 404);
  await gone.body?.cancel();
});

Deno.test("flavor serve closes what nobody reads any more", async () => {
  await using dir = await tempDir();
  await dir.write(
    "dist/app.psp",
    await demoPackage({ launcherSize: 8_000_000 }),
  );
  await using service = await serve(dir, "dist");
  const openFiles = async (): Promise<number> => {
    const { stdout } = await new Deno.Command("ls", {
      args: ["-l", `/proc/${Deno.pid}/fd`],
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).split("app.psp").length - 1;
  };
  if (Deno.build.os !== "linux") return;
  for (let count = 0; count < 20; count++) {
    const response = await fetch(`${service.url}/packages/app.psp`);
    await response.body?.cancel();
    const head = await fetch(`${service.url}/packages/app.psp`, {
      method: "HEAD",
      headers: { range: "bytes=0-9" },
    });
    assertEquals(head.status, 206);
  }
  const deadline = performance.now() + 10_000;
  while (await openFiles() > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(await openFiles(), 0);
});

Deno.test("flavor serve asks for a port that is free, and for one that is taken by its name", async () => {
  await using dir = await tempDir();
  await dir.write("app.psp", await demoPackage());
  await using service = await serve(dir, "app.psp");
  const { port } = new URL(service.url);
  const { code, err } = await cli(["serve", "--port", port, "app.psp"], {
    cwd: dir.path,
  });
  assertEquals(code, 5);
  assertStringIncludes(err, `Cannot listen on 127.0.0.1:${port}`);
  assertStringIncludes(err, "--port 0");
});

Deno.test("flavor serve is asked on loopback by its own names only", async () => {
  await using dir = await tempDir();
  await dir.write("app.psp", await demoPackage());
  await using service = await serve(dir, "app.psp");
  const { port } = new URL(service.url);
  const socket = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(port),
  });
  try {
    await socket.write(new TextEncoder().encode(
      `GET /api/packages.json HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n`,
    ));
    const text = await new Response(socket.readable).text();
    assertStringIncludes(text, "HTTP/1.1 400");
    assertEquals(text.includes("app.psp"), false);
  } catch (error) {
    socket.close();
    throw error;
  }
});

Deno.test("flavor site writes what a web server needs and nothing outside", async () => {
  await using dir = await tempDir();
  const good = await demoPackage({ sbom: SBOM });
  await dir.write("dist/good one.psp", good);
  await dir.write("dist/bad.psp", await tamper(good));
  const { code, out, err } = await cli(
    ["site", "dist", "public", "--json"],
    { cwd: dir.path },
  );
  assertEquals(code, 0);
  assertStringIncludes(err, "bad.psp does not verify");
  assertEquals(JSON.parse(out).packages, [
    { file: "bad.psp", size: good.length, valid: false },
    { file: "good one.psp", size: good.length, valid: true },
  ]);
  const files = await Array.fromAsync(walk(dir.at("public")));
  const prefix = "api/packages/good one.psp/";
  for (
    const name of [
      "index.html",
      "page/main.js",
      "page/style.css",
      "page/icon.svg",
      "api/packages.json",
      "packages/good one.psp",
      `${prefix}inspect.json`,
      `${prefix}tree.json`,
      `${prefix}verify.json`,
      `${prefix}sbom.json`,
    ]
  ) assert(files.includes(name), `${name} in ${files}`);
  assertEquals(
    await Deno.readFile(dir.at("public/packages/good one.psp")),
    good,
  );
  const again = await cli(["site", "dist", "public"], { cwd: dir.path });
  assertEquals(again.code, 5);
  const forced = await cli(["site", "dist", "public", "--force", "--quiet"], {
    cwd: dir.path,
  });
  assertEquals([forced.code, forced.err], [0, ""]);
});

Deno.test("flavor site takes no package that a web server would show or run", async () => {
  for (const name of ["a.html", "a.psp.svg", "a.PHP", "a.psp.xml"]) {
    await using dir = await tempDir();
    await dir.write(`dist/${name}`, await demoPackage());
    const { code, err } = await cli(["site", "dist", "public"], {
      cwd: dir.path,
    });
    assertEquals(code, 2, err);
    assertStringIncludes(err, name);
    assertEquals(await Array.fromAsync(walk(dir.path)), [`dist/${name}`]);
  }
  await using dir = await tempDir();
  for (const name of ["a", "a.exe", "a-1.0-linux_amd64", "a.psp"]) {
    await dir.write(`dist/${name}`, await demoPackage());
  }
  const { code, err } = await cli(["site", "dist", "public"], {
    cwd: dir.path,
  });
  assertEquals(code, 0, err);
});

async function* walk(root: string, path = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${path}`)) {
    const full = path === "" ? name : `${path}/${name}`;
    if (isDirectory) yield* walk(root, full);
    else yield full;
  }
}
