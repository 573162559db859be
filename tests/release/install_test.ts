import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { fromFileUrl } from "@std/path";

import { sha256 } from "../../lib/crypto/sha256.ts";
import { TOOL_VERSION } from "../../lib/pack/tool_version.ts";
import { installer } from "../../scripts/release/documents.ts";
import {
  RELEASE_KEY,
  type ReleaseServer,
  serveRelease,
} from "../support/release_server.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

/** All that install.sh may need; of the last two groups one program suffices. */
const TOOLS =
  "sh uname mkdir mktemp rm sed cut chmod cat mv tail grep sysctl sha256sum";
const NAMES = ["amd64", "arm64"].map((arch) => `flavor-linux_${arch}`);

function program(version: string): string {
  return `#!/bin/sh\n[ "$1" = --version ] && echo "flavor ${version}"\n`;
}

function binaries(version: string): Record<string, string> {
  return Object.fromEntries(NAMES.map((name) => [name, program(version)]));
}

interface Installation {
  readonly dir: TempDir;
  readonly server: ReleaseServer;
  /** Programs beside the usual ones. */
  readonly tools?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs install.sh where nothing is but what it needs. */
async function install(
  { dir, server, tools = "curl openssl", env = {} }: Installation,
): Promise<{ readonly code: number; readonly said: string }> {
  const digest = encodeHex(
    await sha256(new TextEncoder().encode(program(TOOL_VERSION))),
  );
  const script = installer(
    "install.sh",
    "https://flavor.example/releases",
    RELEASE_KEY.publicKey,
    new Map(NAMES.map((name) => [name, digest])),
  );
  await Deno.mkdir(dir.at("tools"), { recursive: true });
  for (const tool of `${TOOLS} ${tools}`.split(" ")) {
    const found = (Deno.env.get("PATH") ?? "").split(":")
      .map((directory) => `${directory}/${tool}`)
      .find((path) => exists(path));
    if (found !== undefined) {
      await Deno.symlink(found, dir.at("tools", tool)).catch(() => {});
    }
  }
  const child = new Deno.Command("/bin/sh", {
    cwd: dir.path,
    clearEnv: true,
    env: {
      PATH: dir.at("tools"),
      HOME: dir.at("home"),
      FLAVOR_RELEASES_URL: server.url,
      ...env,
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // As `curl … | sh` does.
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    new Blob([script]).stream().pipeTo(child.stdin),
  ]);
  assertEquals(new TextDecoder().decode(stdout), "");
  return { code, said: new TextDecoder().decode(stderr) };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Everything that is installed: names, hidden ones too. */
async function installed(dir: TempDir): Promise<string[]> {
  try {
    const names = await Array.fromAsync(
      Deno.readDir(dir.at("home/.local/bin")),
    );
    return names.map(({ name }) => name);
  } catch {
    return [];
  }
}

Deno.test("install.sh installs with the tools that every system has", async () => {
  for (
    const tools of ["curl openssl", "wget openssl", "curl", "wget"]
  ) {
    await using dir = await tempDir();
    await using server = await serveRelease(
      TOOL_VERSION,
      binaries(TOOL_VERSION),
    );
    const { code, said } = await install({ dir, server, tools });
    assertEquals([code, await installed(dir)], [0, ["flavor"]], said);
    assertStringIncludes(said, "is not in PATH; add it");
    const text = await Deno.readTextFile(dir.at("home/.local/bin/flavor"));
    assertEquals(text, program(TOOL_VERSION));
    const isChecked = server.asked.some((path) => path.endsWith(".sig"));
    assertEquals(isChecked, tools.includes("openssl"), said);
  }
});

Deno.test("install.sh installs nothing that is not what was signed, and keeps what is there", async () => {
  const changes: Record<string, (server: ReleaseServer) => void> = {
    "has the SHA-256": ({ files }) => {
      for (const name of NAMES) files.set(name, program("0.0.0"));
    },
    "not signed by the key": ({ files }) =>
      files.set("SHA256SUMS.sig", new Uint8Array(64).fill(1)),
    "cannot fetch": ({ files }) => files.delete("SHA256SUMS"),
  };
  for (const [reason, change] of Object.entries(changes)) {
    await using dir = await tempDir();
    await dir.write("home/.local/bin/flavor", "old", 0o755);
    await using server = await serveRelease(
      TOOL_VERSION,
      binaries(TOOL_VERSION),
    );
    change(server);
    const { code, said } = await install({ dir, server });
    assertEquals([code, await installed(dir)], [1, ["flavor"]], said);
    assertStringIncludes(said, reason);
    const text = await Deno.readTextFile(dir.at("home/.local/bin/flavor"));
    assertEquals(text, "old");
  }
});

Deno.test("install.sh knows its own release without openssl, and no other", async () => {
  await using dir = await tempDir();
  // Everything fits together, but it is not what the script came with.
  await using other = await serveRelease(TOOL_VERSION, binaries("6.6.6"));
  const forged = await install({ dir, server: other, tools: "curl" });
  assertEquals([forged.code, await installed(dir)], [1, []]);
  assertStringIncludes(forged.said, "SHA256SUMS is not that of flavor");

  await using server = await serveRelease("9.0.0", binaries("9.0.0"));
  const env = { FLAVOR_INSTALL_VERSION: "v9.0.0" };
  const blind = await install({ dir, server, tools: "curl", env });
  assertEquals([blind.code, await installed(dir)], [1, []]);
  assertStringIncludes(blind.said, "needs openssl 3");

  await using second = await tempDir();
  const signed = await install({ dir: second, server, env });
  assertEquals(
    [signed.code, await installed(second)],
    [0, ["flavor"]],
    signed.said,
  );
});

Deno.test("install.sh installs nothing that does not start, or is another version", async () => {
  for (const text of ["#!/bin/sh\nexit 3\n", program("0.0.1")]) {
    await using dir = await tempDir();
    const files = Object.fromEntries(NAMES.map((name) => [name, text]));
    await using server = await serveRelease("9.0.0", files);
    const env = { FLAVOR_INSTALL_VERSION: "9.0.0" };
    const { code, said } = await install({ dir, server, env });
    assertEquals([code, await installed(dir)], [1, []], said);
  }
});

Deno.test("installers that are not from a release say so", async () => {
  const { code, stderr } = await new Deno.Command("sh", {
    args: [
      fromFileUrl(new URL("../../scripts/release/install.sh", import.meta.url)),
    ],
  }).output();
  assertEquals(code, 1);
  assertStringIncludes(
    new TextDecoder().decode(stderr),
    "this script is not from a release",
  );
  const text = installer(
    "install.ps1",
    "https://flavor.example/releases",
    RELEASE_KEY.publicKey,
    new Map([["flavor-windows_amd64.exe", "0".repeat(64)]]),
  );
  assertStringIncludes(text, `'${"0".repeat(64)}  flavor-windows_amd64.exe'`);
  assertStringIncludes(text, "-----BEGIN PUBLIC KEY-----");
});
