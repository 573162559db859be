import { equals } from "@std/bytes/equals";
import { encodeHex } from "@std/encoding/hex";

import type { PreparedPackage } from "../pack/prepare_package.ts";
import { sha256 } from "../crypto/sha256.ts";
import { type JsonValue, PspfError } from "../errors.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { OpenedPackage } from "../read/open_package.ts";

/**
 * Compares a package that somebody else built, and that verifies, with what was
 * asked for: a valid package with the wrong content is no better than none.
 *
 * @param opened The package.
 * @param plan What was to be built.
 * @param prepared The slots as they were given to the builder.
 * @param launcher The launcher that it was given.
 * @throws {PspfError} `build/verification-failed`
 */
export async function checkBuilt(
  opened: OpenedPackage,
  plan: BuildPlan,
  prepared: PreparedPackage,
  launcher: RandomAccessSource,
): Promise<void> {
  const { metadata, slots, index, source } = opened;
  check("name", metadata.package.name, plan.package.name);
  check("version", metadata.package.version, plan.package.version);
  check("number of slots", slots.length, prepared.slots.length);
  for (
    const [position, { opened: wanted, digest }] of prepared.slots.entries()
  ) {
    const slot = slots[position];
    if (slot === undefined) continue;
    const name = `slot ${position}`;
    check(`id of ${name}`, slot.id, wanted.plan.id);
    check(`target of ${name}`, slot.metadata.target, wanted.target);
    check(
      `SHA-256 of ${name}`,
      slot.metadata.checksum.replace(/^(?:sha256:)+/, ""),
      encodeHex(digest),
    );
  }
  check("size of the launcher", index.launcher.size, launcher.size);
  // Both have just been measured, and a launcher is small.
  const [actual, expected] = await Promise.all([
    source.read(index.launcher.offset, index.launcher.size).then(sha256),
    launcher.read(0, launcher.size).then(sha256),
  ]);
  if (equals(actual, expected)) return;
  check("SHA-256 of the launcher", encodeHex(actual), encodeHex(expected));
}

function check(what: string, actual: JsonValue, expected: JsonValue): void {
  if (actual === expected) return;
  throw new PspfError(
    "build/verification-failed",
    `The builder wrote another package than it was asked for: the ${what} is ${
      JSON.stringify(actual)
    }, expected ${JSON.stringify(expected)}`,
    {
      context: { what, actual, expected },
      hint: "Leave --builder-bin out to build with this program itself",
    },
  );
}
