/**
 * Checks a package before it is published, by rules that you can change. Prints
 * every rule, and exits with 1 when one is broken.
 *
 *     deno run --allow-read=PACKAGE check_package.ts PACKAGE [FINGERPRINT]
 *
 * @module
 */

import {
  isPspfError,
  keyFingerprint,
  PSPFReader,
  verifyPackage,
} from "@flavor/pspf";

/** Says what is wrong, if anything. */
type Rule = (
  reader: PSPFReader,
) => string | undefined | Promise<string | undefined>;

const MAX_SIZE = 500 * 1024 * 1024;
const VERSION_REGEXP = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;

const [path, fingerprint] = Deno.args;
if (path === undefined) {
  console.error("usage: check_package.ts PACKAGE [FINGERPRINT]");
  Deno.exit(2);
}

const RULES: Readonly<Record<string, Rule>> = {
  "every byte is as it was signed": async ({ package: { source } }) => {
    const { checks } = await verifyPackage(source, { level: "strict" });
    return checks.find(({ status }) => status === "fail")?.detail;
  },
  "it is signed with our key": async ({ publicKey }) => {
    const actual = await keyFingerprint(publicKey);
    if (fingerprint === undefined || actual === fingerprint) return undefined;
    return `the fingerprint is ${actual}`;
  },
  "the version is a release": (reader) => {
    const { version } = reader.metadata.package;
    return VERSION_REGEXP.test(version) ? undefined : `it is "${version}"`;
  },
  "it is not too large": ({ package: { source } }) =>
    source.size <= MAX_SIZE ? undefined : `it has ${source.size} bytes`,
  "nothing is world-writable": (reader) =>
    reader.slots.find(({ permissions }) => (permissions & 0o002) !== 0)
      ?.id,
};

let broken = 0;
try {
  await using reader = await PSPFReader.open(path);
  for (const [name, rule] of Object.entries(RULES)) {
    const problem = await rule(reader);
    if (problem !== undefined) broken++;
    console.log(
      problem === undefined ? `ok    ${name}` : `FAIL  ${name}: ${problem}`,
    );
  }
} catch (error) {
  if (!isPspfError(error)) throw error;
  broken++;
  console.log(`FAIL  it can be opened: ${error.message}`);
}
Deno.exit(broken === 0 ? 0 : 1);
