import { assertEquals, assertRejects } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";

import { sign } from "../../lib/crypto/ed25519.ts";
import { sha256 } from "../../lib/crypto/sha256.ts";
import { TOOL_VERSION } from "../../lib/pack/tool_version.ts";
import { checkRelease } from "../../scripts/release/check_release.ts";
import { cli } from "../support/captured_host.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { RELEASE_KEY } from "../support/release_server.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const PUBLIC_KEY = encodeHex(RELEASE_KEY.publicKey);
const MARKER = new TextEncoder().encode(
  `flavor-rs-launcher/1 pspf-2025 ops=raw,tar,gzip,zstd; version=${TOOL_VERSION} source=unknown;`,
);

type Facts = Record<string, unknown>;

interface Change {
  /** What flavor.js knows of its launchers, else what is right. */
  readonly known?: (launchers: readonly Facts[]) => readonly Facts[];
  /** The seed of the key that the packages are signed with. */
  readonly seed?: string;
}

/** A release for two platforms, whose flavor.js only tells its version. */
async function makeRelease(dir: TempDir, change: Change = {}): Promise<string> {
  const { known = (launchers) => launchers, seed = "test releases" } = change;
  await dir.write(
    "app/flavor.toml",
    `package = { name = "flavor", version = "${TOOL_VERSION}" }
execution = { command = "cat {workenv}/hello" }
slots = [{ id = "hello", source = "flavor.toml", target = "hello" }]
`,
  );
  const launchers: Facts[] = [];
  const digests: string[] = [];
  for (
    const [platform, machine] of [["linux_amd64", 62], ["linux_arm64", 183]]
  ) {
    const bytes = new Uint8Array([
      ...foreignLauncher(Number(machine)),
      ...MARKER,
    ]);
    const launcher = await dir.write(
      `release/flavor-rs-launcher-${platform}`,
      bytes,
    );
    const output = dir.at("release", `flavor-${platform}`);
    const { code, err } = await cli(
      // deno-fmt-ignore
      ["pack", "--quiet", "--launcher-bin", launcher, "--key-seed", seed, "--output", output],
      { cwd: dir.at("app") },
    );
    assertEquals(code, 0, err);
    digests.push(
      `${
        encodeHex(await sha256(await Deno.readFile(output)))
      }  flavor-${platform}`,
    );
    const digest = encodeHex(await sha256(bytes));
    launchers.push({
      platform,
      sha256: digest,
      size: bytes.length,
      version: TOOL_VERSION,
    });
  }
  const facts = { version: TOOL_VERSION, commit: null };
  const told = {
    ...facts,
    release_key: PUBLIC_KEY,
    launchers: known(launchers),
  };
  const files = {
    "flavor.js": `console.log(${JSON.stringify(JSON.stringify(told))});\n`,
    "release.json": JSON.stringify({ ...facts, public_key: PUBLIC_KEY }),
    "install.sh": digests.join("\n"),
    "install.ps1": digests.join("\n"),
  };
  for (const [name, text] of Object.entries(files)) {
    await dir.write(`release/${name}`, text);
  }
  const lines: string[] = [];
  for await (const { name } of Deno.readDir(dir.at("release"))) {
    const bytes = await Deno.readFile(dir.at("release", name));
    lines.push(`${encodeHex(await sha256(bytes))}  ${name}\n`);
  }
  const sums = new TextEncoder().encode(lines.sort().join(""));
  await dir.write("release/SHA256SUMS", sums);
  await dir.write("release/SHA256SUMS.sig", await sign(RELEASE_KEY, sums));
  return dir.at("release");
}

Deno.test("checkRelease() takes a release for several platforms, in whatever order flavor.js names them", async () => {
  for (
    const change of [{}, { known: (all: readonly Facts[]) => all.toReversed() }]
  ) {
    await using dir = await tempDir();
    await checkRelease(await makeRelease(dir, change), PUBLIC_KEY);
  }
});

Deno.test("checkRelease() names what is signed, but does not fit", async () => {
  const changes: Record<string, Change> = {
    "flavor.js knows other launchers": { known: (all) => all.slice(1) },
    "flavor-linux_arm64 does not verify": { seed: "somebody else" },
  };
  for (const [problem, change] of Object.entries(changes)) {
    await using dir = await tempDir();
    const directory = await makeRelease(dir, change);
    await assertRejects(() => checkRelease(directory), Error, problem);
  }
});
