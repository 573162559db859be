/** Checks a finished release with nothing but its files and, where it is given, a key. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeHex } from "@std/encoding/hex";

import { verify } from "../../lib/crypto/ed25519.ts";
import { keyFingerprint } from "../../lib/crypto/sha256.ts";
import { parseHelperName } from "../../lib/launchers/helpers.ts";
import { verifyPackage } from "../../lib/read/mod.ts";
import {
  parseSums,
  RELEASE_FACTS,
  SUMS,
  SUMS_SIGNATURE,
} from "../../lib/release/signed_release.ts";
import { runChecked } from "./run_checked.ts";
import { digestOf, readLaunchers } from "./staging.ts";

/** Throws all that is wrong with a release, or says that it is good. */
export async function checkRelease(
  directory: string,
  trustedKey?: string,
): Promise<void> {
  const read = (name: string): Uint8Array<ArrayBuffer> =>
    new Uint8Array(readFileSync(join(directory, name)));
  const text = (name: string): string => new TextDecoder().decode(read(name));
  const problems: string[] = [];
  const check = (isGood: boolean, problem: string): void => {
    if (!isGood) problems.push(problem);
  };

  const sums = parseSums(text(SUMS));
  const names = readdirSync(directory).filter((name) =>
    name !== SUMS && name !== SUMS_SIGNATURE
  ).sort();
  for (const name of names) {
    const digest = await digestOf(read(name));
    check(
      sums.get(name) === digest,
      `${name} has the SHA-256 ${digest}, ${SUMS} says ${
        sums.get(name) ?? "nothing"
      }`,
    );
  }
  for (const name of sums.keys()) {
    check(names.includes(name), `${name} is missing`);
  }
  // What cannot be trusted is not started below.
  if (problems.length > 0) throw new Error(problems.join("\n"));

  const facts = JSON.parse(text(RELEASE_FACTS));
  const key = decodeHex(facts.public_key);
  const fingerprint = await keyFingerprint(key);
  check(
    trustedKey === undefined || trustedKey === facts.public_key ||
      trustedKey === fingerprint,
    `the release is signed by ${fingerprint}, which is not ${trustedKey}`,
  );
  check(
    await verify(key, read(SUMS_SIGNATURE), read(SUMS)),
    `${SUMS_SIGNATURE} is not the key's signature of ${SUMS}`,
  );
  if (problems.length > 0) throw new Error(problems.join("\n"));

  const launchers = await readLaunchers(
    names.filter((name) => parseHelperName(name)?.role === "launcher").map((
      name,
    ) => join(directory, name)),
  );
  const home = mkdtempSync(join(tmpdir(), "flavor-release-"));
  try {
    const said = await runChecked(Deno.execPath(), [
      "run",
      "-A",
      "--no-config",
      join(directory, "flavor.js"),
      "--version",
      "--json",
    ], { env: { HOME: home } });
    const { version, commit, release_key, launchers: known } = JSON.parse(said);
    check(version === facts.version, `flavor.js is version ${version}`);
    check(commit === facts.commit, `flavor.js names the commit ${commit}`);
    check(
      release_key === facts.public_key,
      `flavor.js trusts the key ${release_key}`,
    );
    const described = (platform: string, facts: unknown): string =>
      `${platform} ${JSON.stringify(facts)}`;
    const expected = launchers.map(({ target, known }) =>
      described(target, known)
    );
    const actual = (known as readonly { readonly platform: string }[])
      .map(({ platform, ...facts }) => described(platform, facts));
    check(
      expected.sort().join() === actual.sort().join(),
      "flavor.js knows other launchers",
    );
    for (const { target } of launchers) {
      const program = `flavor-${target}${
        target.startsWith("windows") ? ".exe" : ""
      }`;
      const report = await verifyPackage(join(directory, program), {
        level: "strict",
        trustedKeys: [fingerprint],
      });
      check(
        report.valid,
        `${program} does not verify: ${
          report.checks.filter(({ status }) => status === "fail").map((
            { detail },
          ) => detail).join("; ")
        }`,
      );
      for (const script of ["install.sh", "install.ps1"]) {
        check(
          text(script).includes(`${sums.get(program)}  ${program}`),
          `${script} does not name the digest of ${program}`,
        );
      }
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
  console.log(
    `${directory} is good: ${names.length} files of ${facts.version}, signed by ${fingerprint}`,
  );
}
