import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { basename } from "@std/path";

import { keyPairFromSeed } from "../../lib/crypto/ed25519.ts";
import type { Host } from "../../lib/host/types.ts";
import {
  compareVersions,
  upgrade,
  type UpgradeOptions,
  type UpgradeReport,
} from "../../lib/release/upgrade.ts";
import { capturedHost } from "../support/captured_host.ts";
import {
  RELEASE_KEY,
  type ReleaseServer,
  serveRelease,
} from "../support/release_server.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

const OLD = "#!/bin/sh\necho old\n";
const NAME = "flavor-compiled-linux_amd64";

/** A program that says which version it is, as the real one does. */
function program(version: string, code = 0): string {
  return `#!/bin/sh
[ "$*" = "--version --json" ] || exit 9
printf '{\\n  "version": "${version}"\\n}\\n'
exit ${code}
`;
}

/** The machine of a compiled flavor that is `bin/flavor`. */
function hostIn(dir: TempDir, server: ReleaseServer): Host {
  return capturedHost({
    cwd: dir.path,
    env: { FLAVOR_RELEASES_URL: server.url },
    change: (host) => ({
      ...host,
      machine: {
        ...host.machine,
        platform: "linux_amd64",
        program: {
          url: "file:///flavor.js",
          isBundle: true,
          compiled: dir.at("bin/flavor"),
        },
      },
    }),
  });
}

async function run(
  dir: TempDir,
  server: ReleaseServer,
  options: Partial<UpgradeOptions> = {},
): Promise<UpgradeReport> {
  const publicKey = encodeHex(RELEASE_KEY.publicKey);
  return await upgrade(hostIn(dir, server), { publicKey, ...options });
}

/** What is in the directory of the program, and what the program is. */
async function state(dir: TempDir): Promise<readonly string[]> {
  const names = await Array.fromAsync(Deno.readDir(dir.at("bin")));
  return [
    await Deno.readTextFile(dir.at("bin/flavor")),
    ...names.map(({ name }) => name).sort(),
  ];
}

async function installed(): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write("bin/flavor", OLD, 0o755);
  return dir;
}

Deno.test("upgrade() puts a newer release in the place of the program, and nothing else there", async () => {
  await using dir = await installed();
  await using server = await serveRelease("9.0.0", {
    [NAME]: program("9.0.0"),
  });
  const report = await run(dir, server);
  assertEquals(report.replaced, dir.at("bin/flavor"));
  assertEquals(await state(dir), [program("9.0.0"), "flavor"]);
  const { mode } = await Deno.stat(dir.at("bin/flavor"));
  assertEquals((mode ?? 0) & 0o777, 0o755);
});

Deno.test("upgrade() keeps the old program beside the new one where programs that run cannot be removed", async () => {
  await using dir = await installed();
  await Deno.rename(dir.at("bin/flavor"), dir.at("bin/flavor.exe"));
  await dir.write("bin/flavor.old.exe", "older");
  const name = "flavor-compiled-windows_amd64.exe";
  await using server = await serveRelease("9.0.0", {
    [name]: program("9.0.0"),
  });
  const host = hostIn(dir, server);
  const machine = {
    ...host.machine,
    platform: "windows_amd64",
    program: { ...host.machine.program, compiled: dir.at("bin/flavor.exe") },
  };
  const renamed: string[] = [];
  const next = { publicKey: encodeHex(RELEASE_KEY.publicKey) };
  const read = (name: string): string =>
    Deno.readTextFileSync(dir.at("bin", name));
  // The second rename fails: the old program is back.
  const rename: Host["writer"]["rename"] = async (from, to) => {
    renamed.push(`${basename(from)} ${basename(to)}`);
    if (renamed.length === 2) throw new Error("locked");
    await host.writer.rename(from, to);
  };
  const writer = new Proxy(host.writer, {
    get(target, name): unknown {
      if (name === "rename") return rename;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await assertRejects(
    () => upgrade({ ...host, machine, writer }, next),
    Error,
    "locked",
  );
  assertEquals(renamed, [
    "flavor.exe flavor.old.exe",
    "flavor.new.exe flavor.exe",
    "flavor.old.exe flavor.exe",
  ]);
  assertEquals(read("flavor.exe"), OLD);
  await upgrade({ ...host, machine }, next);
  assertEquals([read("flavor.exe"), read("flavor.old.exe")], [
    program("9.0.0"),
    OLD,
  ]);
  const names = await Array.fromAsync(Deno.readDir(dir.at("bin")));
  assertEquals(names.length, 2);
});

Deno.test("upgrade() keeps the program when the download is not what was signed", async () => {
  await using dir = await installed();
  await using server = await serveRelease("9.0.0", {
    [NAME]: program("9.0.0"),
  });
  server.files.set(NAME, program("9.0.0") + "#");
  await rejectsCode("verify/signature", () => run(dir, server));
  assertEquals(await state(dir), [OLD, "flavor"]);
});

Deno.test("upgrade() trusts no other key than its own, and starts nothing", async () => {
  await using dir = await installed();
  const mallory = await keyPairFromSeed("mallory");
  await using server = await serveRelease("9.0.0", {
    [NAME]: `#!/bin/sh\ntouch ${dir.at("started")}\n`,
  }, mallory);
  const error = await rejectsCode("verify/signature", () => run(dir, server));
  assertStringIncludes(error.message, "not signed by the key");
  assertEquals(await state(dir), [OLD, "flavor"]);
  assertEquals(server.asked.some((path) => path.endsWith(NAME)), false);
});

Deno.test("upgrade() refuses digests that were changed after they were signed", async () => {
  await using dir = await installed();
  await using server = await serveRelease("9.0.0", {
    [NAME]: program("9.0.0"),
  });
  const other = await serveRelease("9.0.0", { [NAME]: program("9.0.1") });
  server.files.set("SHA256SUMS", other.files.get("SHA256SUMS") ?? "");
  await other[Symbol.asyncDispose]();
  await rejectsCode("verify/signature", () => run(dir, server));
  assertEquals(await state(dir), [OLD, "flavor"]);
});

Deno.test("upgrade() keeps the program when the connection is cut, and leaves nothing behind", async () => {
  await using dir = await installed();
  await using server = await serveRelease("9.0.0", {
    [NAME]: program("9.0.0"),
  });
  server.cut.add(NAME);
  await rejectsCode("io/failed", () => run(dir, server));
  assertEquals(await state(dir), [OLD, "flavor"]);
});

Deno.test("upgrade() keeps the program when the new one does not start, or is another version", async () => {
  for (
    const broken of [program("9.0.0", 1), program("8.0.0"), "no program at all"]
  ) {
    await using dir = await installed();
    await using server = await serveRelease("9.0.0", { [NAME]: broken });
    await rejectsCode("run/cannot-execute", () => run(dir, server));
    assertEquals(await state(dir), [OLD, "flavor"]);
  }
});

Deno.test("upgrade() goes back only when it is asked to", async () => {
  await using dir = await installed();
  await using server = await serveRelease("0.0.1", {
    [NAME]: program("0.0.1"),
  });
  const { isNewer, replaced } = await run(dir, server);
  assertEquals([isNewer, replaced], [false, undefined]);
  assertEquals(await state(dir), [OLD, "flavor"]);
  await run(dir, server, { to: "0.0.1" });
  assertEquals(await state(dir), [program("0.0.1"), "flavor"]);
  assertEquals(server.asked.at(-1), `/download/v0.0.1/${NAME}`);
  // An older release under the name of a newer one.
  await rejectsCode(
    "verify/signature",
    () => run(dir, server, { to: "9.0.0" }),
  );
});

Deno.test("upgrade({ check }) only says what there is", async () => {
  await using dir = await installed();
  await using server = await serveRelease("9.0.0", {});
  const report = await run(dir, server, { check: true });
  assertEquals([report.available, report.isNewer], ["9.0.0", true]);
  assertEquals(await state(dir), [OLD, "flavor"]);
});

Deno.test("upgrade() says what to do where flavor is not one executable", async () => {
  const urls = {
    "jsr:@flavor/pspf/cli":
      "https://example.test/@flavor/pspf/1.0.0/lib/host/deno_host.ts",
    git: "file:///checkout/lib/host/deno_host.ts",
    "flavor.js": "file:///home/me/flavor.js",
  };
  for (const [hint, url] of Object.entries(urls)) {
    const host = capturedHost({ cwd: "/" });
    const isBundle = url.endsWith("flavor.js");
    const machine = {
      ...host.machine,
      program: { url, isBundle, compiled: undefined },
    };
    const error = await rejectsCode(
      "usage/bad-argument",
      () => upgrade({ ...host, machine }, { publicKey: "00" }),
    );
    assertStringIncludes(error.hint ?? "", hint);
  }
});

Deno.test("upgrade() is not led to another server by a variable", async () => {
  await using dir = await installed();
  for (
    const url of [
      "https://evil.test",
      "http://127.0.0.1.evil.test/",
      "http://10.0.0.1/",
    ]
  ) {
    const host = hostIn(dir, { url } as ReleaseServer);
    const error = await rejectsCode(
      "usage/bad-argument",
      () => upgrade(host, { publicKey: "00" }),
    );
    assertStringIncludes(error.message, "FLAVOR_RELEASES_URL");
  }
});

Deno.test("compareVersions() orders as Semantic Versioning does", {
  permissions: "none",
}, () => {
  const ordered = [
    "0.9.9",
    "1.0.0-alpha",
    "1.0.0-alpha.2",
    "1.0.0-alpha.10",
    "1.0.0-beta",
    "1.0.0-beta-a",
    "1.0.0-beta-b",
    "1.0.0",
    "1.0.10",
    "1.2.0",
    "10.0.0",
  ];
  assertEquals(ordered.toReversed().sort(compareVersions), ordered);
});
