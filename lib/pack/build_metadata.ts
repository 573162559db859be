import { encodeHex } from "@std/encoding/hex";
import { FORMAT_NAME, SEAL_FEATURE } from "../format/constants.ts";
import type {
  BuildMetadata,
  ExecutionMetadata,
  PackageMetadata,
  SlotMetadata,
} from "../format/metadata.ts";
import { formatPermissions } from "../format/permissions.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { BuildOptions } from "./build_options.ts";
import type { BuiltSlot } from "./built_slot.ts";
import type { LauncherFacts } from "./inspect_launcher.ts";
import { TOOL_NAME, TOOL_VERSION } from "./tool_version.ts";

/** What the document is made of besides the plan. */
export interface MetadataFacts {
  /** The slots as stored. */
  readonly slots: readonly BuiltSlot[];
  /** The launcher. */
  readonly launcher: LauncherFacts;
  /** The execution section, in the words of the profile. */
  readonly execution: ExecutionMetadata;
  /** Time and target. */
  readonly options: Pick<BuildOptions, "sourceDateEpoch" | "target">;
}

const METADATA_VERSION = "1.0.0";

/**
 * Describes a package. Nothing in it comes from the machine or the moment, so
 * that the same build gives the same document everywhere.
 *
 * @param plan What the manifest says.
 * @param facts What the build found out.
 * @returns The document to sign.
 */
export function buildMetadata(
  plan: BuildPlan,
  facts: MetadataFacts,
): PackageMetadata {
  const { launcher, options } = facts;
  const ours = launcher.operations !== undefined;
  return {
    format: FORMAT_NAME,
    formatVersion: METADATA_VERSION,
    package: plan.package,
    slots: facts.slots.map(describeSlot),
    execution: facts.execution,
    verification: {
      integritySeal: { required: true, algorithm: "ed25519" },
      signed: true,
      requireVerification: true,
    },
    build: describeBuild(options),
    launcher: {
      tool: ours ? "flavor-rs-launcher" : "launcher",
      toolVersion: ours ? TOOL_VERSION : "unknown",
      size: launcher.size,
      checksum: checksumOf(launcher.digest),
      capabilities: ["mmap", "signed"],
    },
    compatibility: {
      minFormatVersion: METADATA_VERSION,
      features: [SEAL_FEATURE],
    },
    ...(plan.cacheValidation === undefined
      ? {}
      : { cacheValidation: plan.cacheValidation }),
    ...(plan.runtime === undefined ? {} : { runtime: plan.runtime }),
    ...(plan.workenv === undefined ? {} : { workenv: plan.workenv }),
    setupCommands: plan.setupCommands,
    ...(plan.custom === undefined ? {} : { custom: plan.custom }),
  };
}

/**
 * Names a source the way it is recorded: paths of the machine stay out.
 *
 * @param source The source as the manifest spells it.
 * @returns The same, or the last part of an absolute path.
 */
export function recordedSource(source: string): string {
  const isAbsolute = /^(?:[/\\]|[A-Za-z]:[/\\])/.test(source);
  if (!isAbsolute) return source;
  return source.split(/[/\\]/).findLast((part) => part !== "") ?? "";
}

function describeSlot(slot: BuiltSlot): SlotMetadata {
  const { plan, index, target, permissions } = slot.opened;
  return {
    slot: index,
    id: plan.id,
    source: recordedSource(plan.source),
    target,
    size: slot.size,
    checksum: checksumOf(slot.digest),
    operations: slot.operations.toString(),
    purpose: plan.purpose,
    lifecycle: plan.lifecycle,
    permissions: formatPermissions(permissions),
    resolution: plan.resolution,
  };
}

function describeBuild(options: MetadataFacts["options"]): BuildMetadata {
  const { sourceDateEpoch = 0, target } = options;
  const time = new Date(sourceDateEpoch * 1000).toISOString();
  return {
    tool: TOOL_NAME,
    toolVersion: TOOL_VERSION,
    timestamp: time.replace(".000Z", "+00:00"),
    deterministic: true,
    platform: {
      os: target?.os ?? "any",
      arch: target?.arch ?? "any",
      host: "any",
    },
  };
}

function checksumOf(digest: Uint8Array): string {
  return `sha256:${encodeHex(digest)}`;
}
