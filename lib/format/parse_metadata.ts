import { PspfError } from "../errors.ts";
import type { JsonValue } from "../errors.ts";
import { checkSetupCommand } from "./check_setup_command.ts";
import {
  FORMAT_NAME,
  MAX_METADATA_DEPTH,
  MAX_METADATA_SIZE,
} from "./constants.ts";
import { JsonFields } from "./json_fields.ts";
import type {
  BuildMetadata,
  ExecutionMetadata,
  LauncherMetadata,
  PackageMetadata,
  RuntimeEnvironment,
  SlotMetadata,
  VerificationMetadata,
  WorkenvMetadata,
} from "./metadata.ts";
import { parseStrictJson } from "./strict_json.ts";

/**
 * Reads the metadata document of any known builder. What one of them leaves
 * out or writes as `null` gets its documented default; a wrong type is an
 * error, and so is whatever two readers could understand differently.
 *
 * @param json The uncompressed document.
 * @returns The document.
 * @throws {PspfError} `format/bad-metadata`, `format/too-large`
 *
 * @example The least that a package needs
 * ```ts
 * import { parseMetadata } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const metadata = parseMetadata(new TextEncoder().encode(`{
 *   "format": "PSPF/2025",
 *   "package": { "name": "demo", "version": "1.0.0" },
 *   "execution": { "command": "sh run.sh", "environment": { "A": "1" } }
 * }`));
 * assertEquals(metadata.execution.env, { A: "1" });
 * assertEquals(metadata.slots, []);
 * ```
 */
export function parseMetadata(json: Uint8Array): PackageMetadata {
  if (json.length > MAX_METADATA_SIZE) {
    throw new PspfError(
      "format/too-large",
      `Cannot read the metadata: ${json.length} bytes exceed ${MAX_METADATA_SIZE}`,
      { context: { actual: json.length, expected: MAX_METADATA_SIZE } },
    );
  }
  const value = parseStrictJson(json, { maxDepth: MAX_METADATA_DEPTH });
  const root = new JsonFields(value, "");
  const format = root.string("format");
  if (format !== FORMAT_NAME) throw root.error("format", `"${FORMAT_NAME}"`);
  return {
    format,
    formatVersion: root.string("format_version", ""),
    package: parsePackage(root.required("package")),
    slots: root.list("slots").map(parseSlot),
    execution: parseExecution(root.section("execution")),
    ...root.maybe("verification", "verification", parseVerification),
    ...root.maybe("build", "build", parseBuild),
    ...root.maybe("launcher", "launcher", parseLauncher),
    ...root.maybe("compatibility", "compatibility", (fields) => ({
      minFormatVersion: fields.string("min_format_version", ""),
      features: fields.strings("features") ?? [],
    })),
    ...root.maybe("cacheValidation", "cache_validation", (fields) => ({
      checkFile: fields.string("check_file", ""),
      expectedContent: fields.string("expected_content", ""),
    })),
    ...root.maybe("runtime", "runtime", (fields) => ({
      env: parseRuntimeEnvironment(fields.section("env")),
    })),
    ...root.maybe("workenv", "workenv", parseWorkenv),
    setupCommands: root.values("setup_commands").map(checkSetupCommand),
    ...root.maybe("custom", "custom", (fields) => fields.all()),
  };
}

function parsePackage(fields: JsonFields): PackageMetadata["package"] {
  return {
    name: fields.string("name"),
    version: fields.string("version"),
    ...fields.maybeString("description", "description"),
  };
}

function parseSlot(fields: JsonFields, index: number): SlotMetadata {
  const selfRef = fields.boolean("self_ref", false);
  return {
    slot: fields.integer("slot", index),
    id: fields.string("id"),
    source: fields.string("source", ""),
    target: fields.string("target"),
    size: fields.integer("size", 0),
    checksum: fields.string("checksum", selfRef ? "" : undefined),
    operations: fields.string("operations", ""),
    purpose: fields.string("purpose", ""),
    lifecycle: fields.string("lifecycle", ""),
    ...fields.maybeString("permissions", "permissions"),
    ...fields.maybeString("resolution", "resolution"),
    ...(selfRef ? { selfRef } : {}),
  };
}

function parseExecution(fields: JsonFields): ExecutionMetadata {
  const argv = fields.strings("argv");
  const args = fields.strings("args");
  const env = fields.stringMap("env");
  // Looked at even where `env` wins: two readers must not judge it differently.
  const environment = fields.stringMap("environment");
  return {
    primarySlot: fields.integer("primary_slot", 0),
    command: fields.string("command", ""),
    ...(argv && { argv }),
    ...(args && { args }),
    ...fields.maybeString("cwd", "cwd"),
    env: env ?? environment ?? {},
  };
}

function parseVerification(fields: JsonFields): VerificationMetadata {
  const seal = fields.section("integrity_seal");
  const trustSignatures: JsonValue | undefined = fields.value(
    "trust_signatures",
  );
  return {
    integritySeal: {
      required: seal.boolean("required", false),
      algorithm: seal.string("algorithm", ""),
    },
    signed: fields.boolean("signed", false),
    requireVerification: fields.boolean("require_verification", false),
    ...(trustSignatures === undefined ? {} : { trustSignatures }),
  };
}

function parseBuild(fields: JsonFields): BuildMetadata {
  const platform = fields.section("platform");
  return {
    tool: fields.string("tool", ""),
    toolVersion: fields.string("tool_version", ""),
    timestamp: fields.string("timestamp", ""),
    deterministic: fields.boolean("deterministic", false),
    platform: {
      os: platform.string("os", ""),
      arch: platform.string("arch", ""),
      host: platform.string("host", ""),
    },
  };
}

function parseLauncher(fields: JsonFields): LauncherMetadata {
  return {
    tool: fields.string("tool", ""),
    toolVersion: fields.string("tool_version", ""),
    size: fields.integer("size", 0),
    checksum: fields.string("checksum", ""),
    capabilities: fields.strings("capabilities") ?? [],
  };
}

function parseRuntimeEnvironment(fields: JsonFields): RuntimeEnvironment {
  const pass = fields.strings("pass");
  const unset = fields.strings("unset");
  const map = fields.stringMap("map");
  const set = fields.stringMap("set");
  return {
    ...(pass && { pass }),
    ...(unset && { unset }),
    ...(map && { map }),
    ...(set && { set }),
  };
}

function parseWorkenv(fields: JsonFields): WorkenvMetadata {
  return {
    directories: fields.list("directories").map((directory) => ({
      path: directory.string("path"),
      ...directory.maybeString("mode", "mode"),
    })),
    env: fields.stringMap("env") ?? {},
    ...fields.maybeString("umask", "umask"),
  };
}
