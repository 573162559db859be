/** `flavor` as one executable: packed by flavor itself, or compiled by Deno. */

import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buildPackageFromManifest } from "../../mod.ts";
import type { KeyPair } from "../../lib/crypto/ed25519.ts";
import { parsePlatform } from "../../lib/launchers/platform.ts";
import { runChecked } from "./run_checked.ts";
import type { ReleaseLauncher } from "./staging.ts";
import config from "../../deno.json" with { type: "json" };

/** What the command line does: no foreign functions, no remote modules. */
const PERMISSIONS = ["read", "write", "env", "run", "sys", "net"]
  .map((name) => `--allow-${name}`);
const LOCAL = [
  "--quiet",
  "--no-prompt",
  "--no-config",
  "--no-lock",
  "--no-remote",
  "--no-npm",
];

/** Deno's own variables, which must not reach the programs that flavor starts. */
const DENO_VARIABLES = ["DENO_DIR", "DENO_NO_UPDATE_CHECK"];

const START = `for (const name of ${JSON.stringify(DENO_VARIABLES)}) {
  const theirs = Deno.env.get(\`FLAVOR_OUTER_\${name}\`);
  Deno.env.delete(\`FLAVOR_OUTER_\${name}\`);
  if (theirs === undefined) Deno.env.delete(name);
  else Deno.env.set(name, theirs);
}
`;

/** Lays out what both forms run: the bundle with the launchers beside it. */
export function writeProgram(
  directory: string,
  bundle: string,
  launchers: readonly ReleaseLauncher[],
): void {
  mkdirSync(join(directory, "launchers"), { recursive: true });
  const files = [
    ["flavor.js", bundle, 0o644],
    ["start.js", START, 0o644],
    ...launchers.map(({ name, bytes }) =>
      [`launchers/${name}`, bytes, 0o755] as const
    ),
  ] as const;
  for (const [name, content, mode] of files) {
    const path = join(directory, name);
    writeFileSync(path, content, { mode });
    // Deno puts it into what it compiles.
    utimesSync(path, 0, 0);
  }
}

/** Packs the program with a runtime. */
export async function packSelf(
  work: string,
  target: string,
  runtime: string,
  launcher: ReleaseLauncher,
  keyPair: KeyPair,
  output: string,
): Promise<void> {
  const isWindows = target.startsWith("windows");
  const program = `runtime/${isWindows ? "deno.exe" : "deno"}`;
  const copy = join(work, `runtime-${target}`);
  try {
    linkSync(runtime, copy);
  } catch {
    copyFileSync(runtime, copy);
  }
  const argv = [
    `{workenv}/${program}`,
    ...["run", ...LOCAL, ...PERMISSIONS],
    ...["--preload", "{workenv}/flavor/start.js", "{workenv}/flavor/flavor.js"],
  ];
  const list = (words: readonly string[]): string =>
    words.map((word) => JSON.stringify(word)).join(", ");
  const manifest = join(work, `flavor-${target}.toml`);
  writeFileSync(
    manifest,
    `[package]
name = "flavor"
version = "${config.version}"
description = "Packs any application into one signed executable file"

[execution]
argv = [${list(argv)}]

[runtime.env.map]
${DENO_VARIABLES.map((name) => `${name} = "FLAVOR_OUTER_${name}"`).join("\n")}

[workenv.env]
DENO_DIR = "{workenv}/deno-dir"
DENO_NO_UPDATE_CHECK = "1"

[[slots]]
id = "runtime"
source = "runtime-${target}"
target = "${program}"
purpose = "runtime"
permissions = "0755"

[[slots]]
id = "program"
source = "program"
target = "flavor"
purpose = "code"
`,
  );
  await buildPackageFromManifest(manifest, {
    outputPath: output,
    launcher: launcher.bytes,
    target: parsePlatform(target),
    key: keyPair,
    sourceDateEpoch: 0,
  });
}

/** Compiles the program with Deno's own runtime for executables. */
export async function compile(
  work: string,
  triple: string,
  output: string,
): Promise<void> {
  await runChecked(Deno.execPath(), [
    ...[
      "compile",
      "--quiet",
      "--no-prompt",
      "--no-code-cache",
      "--no-config",
      "--no-lock",
      "--no-remote",
      "--no-npm",
    ],
    ...PERMISSIONS,
    ...[
      "--target",
      triple,
      "--include",
      "launchers",
      "--output",
      output,
      "flavor.js",
    ],
  ], { cwd: join(work, "program"), env: { JSR_URL: "" } });
  chmodSync(output, 0o755);
}
