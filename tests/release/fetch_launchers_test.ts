import { assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";

import { sha256 } from "../../lib/crypto/sha256.ts";
import type { Host } from "../../lib/host/types.ts";
import { findLauncher } from "../../lib/launchers/find_launcher.ts";
import type { KnownLaunchers } from "../../lib/launchers/known_launchers.ts";
import { parsePlatform } from "../../lib/launchers/platform.ts";
import { fetchLaunchers } from "../../lib/release/fetch_launchers.ts";
import { capturedHost } from "../support/captured_host.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { serveRelease } from "../support/release_server.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

const NAME = "flavor-rs-launcher-linux_arm64";
const BYTES = new Uint8Array([
  ...foreignLauncher(183),
  ...new TextEncoder().encode(
    "flavor-rs-launcher/1 pspf-2025 ops=none; version=0.1.0 source=unknown;",
  ),
]);
const KNOWN: KnownLaunchers = {
  linux_arm64: {
    sha256: encodeHex(await sha256(BYTES)),
    size: BYTES.length,
    version: "0.1.0",
  },
};

function hostIn(dir: TempDir, url: string): Host {
  return capturedHost({
    cwd: dir.path,
    env: { FLAVOR_RELEASES_URL: url, XDG_DATA_HOME: dir.at("data") },
    change: (host) => ({
      ...host,
      machine: {
        ...host.machine,
        platform: "linux_amd64",
        checkout: undefined,
        home: undefined,
      },
    }),
  });
}

Deno.test("fetchLaunchers() puts a launcher of this version where packing finds it", async () => {
  await using dir = await tempDir();
  await using server = await serveRelease("0.1.0", {});
  server.files.set(NAME, BYTES);
  const host = hostIn(dir, server.url);
  const [fetched] = await fetchLaunchers(host, "linux_arm64", KNOWN);
  assertEquals(fetched?.path, dir.at("data/flavor/bin", NAME));
  assertEquals(server.asked, [`/download/v0.1.0/${NAME}`]);
  const target = parsePlatform("linux_arm64");
  assertEquals((await findLauncher(host, { target })).path, fetched?.path);
});

Deno.test("fetchLaunchers() keeps nothing that this version does not know, or that was cut off", async () => {
  await using dir = await tempDir();
  await using server = await serveRelease("0.1.0", {});
  const host = hostIn(dir, server.url);
  const changed = BYTES.slice();
  changed[63] = 1;
  for (
    const [code, content] of [
      ["launcher/wrong-format", changed],
      ["launcher/wrong-format", BYTES.subarray(0, 40)],
      ["io/failed", new Uint8Array([...BYTES, 0])],
    ] as const
  ) {
    server.files.set(NAME, content);
    await rejectsCode(code, () => fetchLaunchers(host, "linux_arm64", KNOWN));
    const kept = await Array.fromAsync(Deno.readDir(dir.at("data/flavor/bin")));
    assertEquals(kept, []);
  }
  await rejectsCode(
    "launcher/not-found",
    () => fetchLaunchers(host, "all", KNOWN),
  );
});
