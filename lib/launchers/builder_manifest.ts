import type { BuiltSlot } from "../pack/built_slot.ts";
import { portableExecution } from "../pack/portable_rules.ts";
import { FORMAT_NAME } from "../format/constants.ts";
import type { JsonObject } from "../format/metadata.ts";
import { formatPermissions } from "../format/permissions.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";

/** A slot whose stored bytes lie in a file. */
export interface EncodedFile {
  /** The slot. */
  readonly slot: BuiltSlot;
  /** The file, absolute. */
  readonly path: string;
}

/**
 * Writes a plan down for a native builder. Such a builder stores every source
 * as it is, looks for relative ones in its own working directory, and knows
 * nothing that is newer than itself; so the sources are absolute and encoded
 * already, and the command is one line.
 *
 * @param plan What is to be built.
 * @param files The encoded slots, in order.
 * @returns The manifest as a JSON document.
 */
export function builderManifest(
  plan: BuildPlan,
  files: readonly EncodedFile[],
): JsonObject {
  const execution = portableExecution(plan.execution, () => undefined);
  const { runtime, workenv, cacheValidation } = plan;
  return {
    format: FORMAT_NAME,
    package: { ...plan.package },
    execution: {
      primary_slot: execution.primarySlot,
      command: execution.command,
      // The Rust builder reads the first, the Go builder the second.
      env: execution.env,
      environment: execution.env,
    },
    slots: files.map(({ slot, path }, index) => ({
      slot: index,
      id: slot.opened.plan.id,
      source: path,
      target: slot.opened.target,
      operations: spellOperations(slot),
      purpose: slot.opened.plan.purpose,
      lifecycle: slot.opened.plan.lifecycle,
      permissions: formatPermissions(slot.opened.permissions),
      resolution: slot.opened.plan.resolution,
    })),
    setup_commands: plan.setupCommands,
    ...(cacheValidation === undefined ? {} : {
      cache_validation: {
        check_file: cacheValidation.checkFile,
        expected_content: cacheValidation.expectedContent,
      },
    }),
    ...(runtime === undefined ? {} : {
      runtime: {
        env: {
          ...(runtime.env.unset === undefined
            ? {}
            : { unset: runtime.env.unset }),
          ...(runtime.env.pass === undefined ? {} : { pass: runtime.env.pass }),
          ...(runtime.env.map === undefined ? {} : { map: runtime.env.map }),
          ...(runtime.env.set === undefined ? {} : { set: runtime.env.set }),
        },
      },
    }),
    ...(workenv === undefined ? {} : {
      workenv: {
        directories: workenv.directories.map(({ path, mode }) => ({
          path,
          ...(mode === undefined ? {} : { mode }),
        })),
        env: workenv.env,
      },
    }),
  };
}

/** The Rust builder takes `tar.gz` for nothing at all; both know `tgz`. */
function spellOperations({ operations }: BuiltSlot): string {
  const text = operations.toString();
  return text === "tar.gz" ? "tgz" : text;
}
