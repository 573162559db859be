import { assertEquals, assertStringIncludes } from "@std/assert";

import type { Host } from "../../lib/host/types.ts";
import {
  findLauncher,
  type FindLauncherOptions,
  type Launcher,
} from "../../lib/launchers/find_launcher.ts";
import {
  helperFileName,
  listHelpers,
  parseHelperName,
} from "../../lib/launchers/helpers.ts";
import { parsePlatform } from "../../lib/launchers/platform.ts";
import { capturedHost } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { rejectsCode, throwsCode } from "../support/throws_code.ts";

const MACHINES = { amd64: 62, arm64: 183 } as const;
const OURS = "flavor-rs-launcher/1 pspf-2025 ops=none,tar,gzip,zstd;";

function elf(arch: keyof typeof MACHINES, marker = ""): Uint8Array {
  const bytes = new Uint8Array(200);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  bytes[18] = MACHINES[arch];
  bytes.set(new TextEncoder().encode(marker), 100);
  return bytes;
}

function hostIn(
  dir: TempDir,
  env: Readonly<Record<string, string>> = {},
): Host {
  return capturedHost({
    cwd: dir.path,
    env,
    change: (host) => ({
      ...host,
      machine: {
        ...host.machine,
        platform: "linux_amd64",
        checkout: dir.at("checkout"),
        home: dir.at("home"),
      },
    }),
  });
}

async function find(
  dir: TempDir,
  options: FindLauncherOptions = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Launcher> {
  return await findLauncher(hostIn(dir, env), options);
}

Deno.test("findLauncher() takes the flag before the variable before what it finds", async () => {
  await using dir = await tempDir();
  await dir.write("flag", elf("amd64"));
  await dir.write("variable", elf("amd64"));
  await dir.write(
    "checkout/dist/bin/flavor-rs-launcher-linux_amd64",
    elf("amd64"),
  );
  const env = { FLAVOR_LAUNCHER_BIN: dir.at("variable") };
  assertEquals((await find(dir, { given: "flag" }, env)).path, dir.at("flag"));
  assertEquals((await find(dir, {}, env)).path, dir.at("variable"));
  assertEquals((await find(dir)).chosenBy, "this checkout");
});

Deno.test("findLauncher() prefers Rust anywhere to Go, and the checkout to the data directory", async () => {
  await using dir = await tempDir();
  await dir.write(
    "checkout/dist/bin/flavor-go-launcher-linux_amd64",
    elf("amd64"),
  );
  assertStringIncludes((await find(dir)).path, "flavor-go-launcher");
  const data = "home/.local/share/flavor/bin/flavor-rs-launcher-linux_amd64";
  await dir.write(data, elf("amd64"));
  assertEquals((await find(dir)).path, dir.at(data));
  await dir.write(
    "checkout/dist/bin/flavor-rs-launcher-linux_amd64",
    elf("amd64"),
  );
  assertStringIncludes((await find(dir)).path, "checkout");
});

Deno.test("findLauncher() names every place, and the command that builds one where one can be built", async () => {
  await using dir = await tempDir();
  const target = parsePlatform("darwin_arm64");
  const error = await rejectsCode(
    "launcher/not-found",
    () => find(dir, { target }),
  );
  for (
    const name of [
      "flavor-rs-launcher-darwin_arm64",
      "flavor-go-launcher-darwin_arm64",
    ]
  ) {
    assertStringIncludes(error.message, dir.at("checkout/dist/bin", name));
    assertStringIncludes(
      error.message,
      dir.at("home/.local/share/flavor/bin", name),
    );
  }
  // A checkout cannot build for another platform than its own.
  assertStringIncludes(error.hint ?? "", "Copy one");
  const own = await rejectsCode("launcher/not-found", () => find(dir));
  assertStringIncludes(own.hint ?? "", "flavor helpers build");
});

Deno.test("findLauncher() refuses a launcher for another platform than the target", async () => {
  await using dir = await tempDir();
  await dir.write("arm", elf("arm64"));
  const target = parsePlatform("linux_amd64");
  await rejectsCode(
    "launcher/wrong-format",
    () => find(dir, { given: "arm", target }),
  );
  await dir.write(
    "checkout/dist/bin/flavor-rs-launcher-linux_amd64",
    elf("arm64"),
  );
  await rejectsCode("launcher/wrong-format", () => find(dir));
  await dir.write("script", "#!/bin/sh\n".repeat(10));
  await rejectsCode(
    "launcher/wrong-format",
    () => find(dir, { given: "script" }),
  );
});

Deno.test("findLauncher() packs for the platform of the launcher given", async () => {
  await using dir = await tempDir();
  await dir.write("arm", elf("arm64"));
  const { platform } = await find(dir, { given: "arm" });
  assertEquals(platform, { os: "linux", arch: "arm64" });
});

Deno.test("listHelpers() knows ours by their marker and ignores other files", async () => {
  await using dir = await tempDir();
  await dir.write(
    "checkout/dist/bin/flavor-rs-launcher-linux_amd64",
    elf("amd64", OURS),
  );
  await dir.write(
    "checkout/dist/bin/flavor-go-builder-linux_amd64",
    elf("amd64"),
  );
  await dir.write("checkout/dist/bin/flavor", "#!/bin/sh\n");
  const helpers = await listHelpers(hostIn(dir));
  assertEquals(
    helpers.map(({ name, role, facts }) => [name, role, facts.operations]),
    [
      ["flavor-go-builder-linux_amd64", "builder", undefined],
      ["flavor-rs-launcher-linux_amd64", "launcher", [
        "none",
        "tar",
        "gzip",
        "zstd",
      ]],
    ],
  );
});

Deno.test("parseHelperName() and helperFileName() agree", {
  permissions: "none",
}, () => {
  for (
    const name of [
      "flavor-rs-launcher-linux_amd64",
      "flavor-go-builder-darwin_arm64",
      "flavor-rs-launcher-windows_amd64.exe",
    ]
  ) {
    const parsed = parseHelperName(name);
    assertEquals(parsed === undefined ? "" : helperFileName(parsed), name);
  }
  for (
    const name of ["flavor-rs-launcher", "flavor-rs-launcher-linux_mips", "x"]
  ) {
    assertEquals(parseHelperName(name), undefined);
  }
});

Deno.test("parsePlatform() refuses what is no platform", {
  permissions: "none",
}, () => {
  for (const text of ["linux", "linux_x86_64", "LINUX_AMD64", "linux_amd64 "]) {
    throwsCode("usage/bad-argument", () => parsePlatform(text));
  }
});
