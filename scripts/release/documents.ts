/** What stands beside the programs of a release: installers, SBOM, notes. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodePublicKeyPem } from "../../lib/crypto/key_file.ts";
import { ROOT } from "./staging.ts";
import config from "../../deno.json" with { type: "json" };

/** An installer with the facts of a release. */
export function installer(
  name: "install.sh" | "install.ps1",
  releases: string,
  publicKey: Uint8Array,
  digests: ReadonlyMap<string, string>,
): string {
  const assign = name === "install.sh"
    ? (
      variable: string,
      value: string,
    ) => [`${variable}=`, `${variable}='${value}'`]
    : (
      variable: string,
      value: string,
    ) => [`  $${variable} = ''`, `  $${variable} = '${value}'`];
  const list = [...digests].map(([file, digest]) => `${digest}  ${file}`);
  const facts = {
    version: config.version,
    releases,
    key: encodePublicKeyPem(publicKey).trim(),
    digests: list.join("\n"),
  };
  let text = readFileSync(join(ROOT, "scripts/release", name), "utf8");
  for (const [variable, value] of Object.entries(facts)) {
    const [empty = "", filled = ""] = assign(variable, value);
    const parts = text.split(`\n${empty}\n`);
    if (parts.length !== 2) throw new Error(`${name} has no line "${empty}"`);
    text = parts.join(`\n${filled}\n`);
  }
  return text;
}

/** A CycloneDX document of what the programs are made of. */
export function sbom(denoVersion: string): string {
  const lock = readFileSync(join(ROOT, "native/Cargo.lock"), "utf8");
  const crates = [
    ...lock.matchAll(
      /name = "([^"]+)"\nversion = "([^"]+)"\nsource = "registry.*"\nchecksum = "([0-9a-f]+)"/g,
    ),
  ]
    .map(([, name, version, content]) => ({
      type: "library",
      name,
      version,
      purl: `pkg:cargo/${name}@${version}`,
      hashes: [{ alg: "SHA-256", content }],
    }));
  // Ranges: the versions that JSR has for them are in the bundle.
  const packages = Object.entries<string>(config.imports)
    .filter(([name]) => name !== "@std/assert")
    .map(([name, specifier]) => ({
      type: "library",
      name,
      version: specifier.slice(specifier.lastIndexOf("@") + 1),
    }));
  const runtime = {
    type: "platform",
    name: "deno",
    version: denoVersion,
    purl: `pkg:npm/deno@${denoVersion}`,
  };
  return JSON.stringify(
    {
      bomFormat: "CycloneDX",
      specVersion: "1.5",
      version: 1,
      metadata: {
        component: {
          type: "application",
          name: "flavor",
          version: config.version,
          licenses: [{ license: { id: config.license } }],
        },
      },
      components: [runtime, ...packages, ...crates],
    },
    null,
    2,
  ) + "\n";
}

/** What people read about a release. */
export function notes(
  files: ReadonlyMap<
    string,
    { readonly size: number; readonly digest: string }
  >,
  releases: string,
  fingerprint: string,
): string {
  const { version } = config;
  const log = readFileSync(join(ROOT, "CHANGELOG.md"), "utf8");
  const sections = log.split(/^## /m).slice(1);
  const section = sections.find((one) => one.startsWith(version)) ??
    sections.find((one) => one.startsWith("Unreleased")) ?? "";
  const rows = [...files].map(([name, { size, digest }]) =>
    `| \`${name}\` | ${size} | \`${digest}\` |`
  );
  return `# flavor ${version}

\`\`\`sh
curl -fsSL ${releases}/download/v${version}/install.sh | sh
deno install -g -A -n flavor jsr:@flavor/pspf@${version}/cli
deno run -A ${releases}/download/v${version}/flavor.js --help
\`\`\`

\`SHA256SUMS.sig\` is the raw Ed25519 signature of \`SHA256SUMS\`, and every \`flavor-*\` that is a package carries one of its own.
The fingerprint of the key is \`${fingerprint}\`:

\`\`\`sh
openssl pkeyutl -verify -pubin -inkey flavor-release.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
sha256sum --check --ignore-missing SHA256SUMS
flavor verify --trusted-key ${fingerprint} flavor-linux_amd64
\`\`\`

| File | Bytes | SHA-256 |
| --- | ---: | --- |
${rows.join("\n")}

## Changes
${section.slice(section.indexOf("\n")).trimEnd()}
`;
}
