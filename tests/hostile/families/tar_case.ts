/** A package with one tar slot. @module */

import type { Buffer } from "node:buffer";
import type { Expectation, Ground, HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";

/**
 * A case whose only slot is a tar archive.
 *
 * @param name What is wrong with the archive.
 * @param expect What has to happen.
 * @param archive Makes the archive.
 * @param target The target of the slot.
 * @returns The case, of family `tar`.
 */
export function tarCase(
  name: string,
  expect: Expectation,
  archive: (ground: Ground) => Buffer,
  target = "{workenv}",
): HostileCase {
  return {
    family: "tar",
    name,
    expect,
    build: (ground) => {
      const stored = archive(ground);
      return writePackage(ground.launcher, {
        slots: [{ stored, target, operations: "tar", chain: 1n }],
      });
    },
  };
}
