import type { JsonValue } from "../errors.ts";
import type {
  ExecutionMetadata,
  PackageMetadata,
  RuntimeEnvironment,
  SlotMetadata,
  StringMap,
  WorkenvMetadata,
} from "./metadata.ts";

/** A value of which absent parts are simply not written. */
type Draft =
  | JsonValue
  | undefined
  | readonly Draft[]
  | { readonly [key: string]: Draft };

/**
 * Writes the metadata document. The signature covers these very bytes, so the
 * order of keys is fixed, maps are sorted, and nothing ever writes them again.
 *
 * @param metadata The document.
 * @returns UTF-8 JSON, indented by two blanks, without a final newline.
 *
 * @example Two spaces and a fixed order
 * ```ts
 * import { encodeMetadata } from "@flavor/pspf/format";
 * import { assert } from "@std/assert";
 *
 * const json = encodeMetadata({
 *   format: "PSPF/2025",
 *   formatVersion: "1.0.0",
 *   package: { name: "demo", version: "1.0.0" },
 *   slots: [],
 *   execution: { primarySlot: 0, command: "true", env: {} },
 *   setupCommands: [],
 * });
 * const text = new TextDecoder().decode(json);
 * assert(text.startsWith('{\n  "format": "PSPF/2025",\n  "format_version"'));
 * ```
 */
export function encodeMetadata(
  metadata: PackageMetadata,
): Uint8Array<ArrayBuffer> {
  const document = toDocument(metadata);
  return new TextEncoder().encode(JSON.stringify(document, undefined, 2));
}

function toDocument(metadata: PackageMetadata): Draft {
  const { verification, build, launcher, compatibility } = metadata;
  return {
    "format": metadata.format,
    "format_version": metadata.formatVersion,
    "package": {
      "name": metadata.package.name,
      "version": metadata.package.version,
      "description": metadata.package.description,
    },
    "slots": metadata.slots.map(slotToDocument),
    "execution": executionToDocument(metadata.execution),
    "verification": verification && {
      "integrity_seal": {
        "required": verification.integritySeal.required,
        "algorithm": verification.integritySeal.algorithm,
      },
      "signed": verification.signed,
      "require_verification": verification.requireVerification,
      "trust_signatures": verification.trustSignatures,
    },
    "build": build && {
      "tool": build.tool,
      "tool_version": build.toolVersion,
      "timestamp": build.timestamp,
      "deterministic": build.deterministic,
      "platform": {
        "os": build.platform.os,
        "arch": build.platform.arch,
        "host": build.platform.host,
      },
    },
    "launcher": launcher && {
      "tool": launcher.tool,
      "tool_version": launcher.toolVersion,
      "size": launcher.size,
      "checksum": launcher.checksum,
      "capabilities": launcher.capabilities,
    },
    "compatibility": compatibility && {
      "min_format_version": compatibility.minFormatVersion,
      "features": compatibility.features,
    },
    "cache_validation": metadata.cacheValidation && {
      "check_file": metadata.cacheValidation.checkFile,
      "expected_content": metadata.cacheValidation.expectedContent,
    },
    "runtime": metadata.runtime &&
      { "env": runtimeEnvironmentToDocument(metadata.runtime.env) },
    "workenv": metadata.workenv && workenvToDocument(metadata.workenv),
    "setup_commands": metadata.setupCommands,
    "custom": metadata.custom,
  };
}

function slotToDocument(slot: SlotMetadata): Draft {
  return {
    "slot": slot.slot,
    "id": slot.id,
    "source": slot.source,
    "target": slot.target,
    "size": slot.size,
    "checksum": slot.checksum,
    "operations": slot.operations,
    "purpose": slot.purpose,
    "lifecycle": slot.lifecycle,
    "permissions": slot.permissions,
    "resolution": slot.resolution,
    "self_ref": slot.selfRef,
  };
}

function executionToDocument(execution: ExecutionMetadata): Draft {
  const env = sorted(execution.env);
  return {
    "primary_slot": execution.primarySlot,
    "command": execution.command,
    "argv": execution.argv,
    "args": execution.args,
    "cwd": execution.cwd,
    // The existing Rust launcher reads the first, the Go launcher the second.
    "env": env,
    "environment": env,
  };
}

function runtimeEnvironmentToDocument(env: RuntimeEnvironment): Draft {
  return {
    "unset": env.unset,
    "map": env.map && sorted(env.map),
    "set": env.set && sorted(env.set),
    "pass": env.pass,
  };
}

function workenvToDocument(workenv: WorkenvMetadata): Draft {
  return {
    "directories": workenv.directories.map(({ path, mode }) => ({
      "path": path,
      "mode": mode,
    })),
    "env": sorted(workenv.env),
    "umask": workenv.umask,
  };
}

function sorted(map: StringMap): StringMap {
  const entries = Object.entries(map);
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
}
