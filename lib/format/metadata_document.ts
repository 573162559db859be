import { type JsonValue, PspfError } from "../errors.ts";
import {
  FORMAT_NAME,
  MAX_METADATA_DEPTH,
  MAX_METADATA_SIZE,
} from "./constants.ts";
import type { FrameTable } from "./frames.ts";
import {
  anything,
  base64,
  type Codec,
  type Draft,
  Field,
  list,
  maybe,
  object,
  optionalRecord,
  or,
  record,
  text,
  textMap,
  texts,
  truth,
  whole,
} from "./json_codec.ts";
import type {
  BuildMetadata,
  ExecutionMetadata,
  JsonObject,
  PackageMetadata,
  SlotMetadata,
} from "./metadata.ts";
import { parseStrictJson } from "./strict_json.ts";

/** What is left out or written as `null` by some builder has a default. */
const word = or(text, "");

/** Whether it fits its slot, only the slot table can tell. */
const FRAMES: Codec<FrameTable> = record<FrameTable>({
  stored: ["stored", list(whole)],
  content: ["content", list(whole)],
  digests: ["digests", base64],
});

const SLOT = record<SlotMetadata>({
  slot: ["slot", {
    read: (field) =>
      field.value === undefined ? Number(field.parent?.key) : whole.read(field),
    write: whole.write,
  }],
  id: ["id", text],
  source: ["source", word],
  target: ["target", text],
  size: ["size", or(whole, 0)],
  checksum: ["checksum", {
    // A slot that stands for the package itself has none.
    read: (field) =>
      field.value === undefined && field.parent?.at("self_ref").value === true
        ? ""
        : text.read(field),
    write: text.write,
  }],
  operations: ["operations", word],
  purpose: ["purpose", word],
  lifecycle: ["lifecycle", word],
  permissions: ["permissions", maybe(text)],
  resolution: ["resolution", maybe(text)],
  selfRef: ["self_ref", {
    read: (field) => or(truth, false).read(field) || undefined,
    write: maybe(truth).write,
  }],
  frames: ["frames", maybe(FRAMES)],
});

const EXECUTION_MEMBERS = {
  primarySlot: ["primary_slot", or(whole, 0)],
  command: ["command", word],
  argv: ["argv", maybe(texts)],
  args: ["args", maybe(texts)],
  cwd: ["cwd", maybe(text)],
  env: ["env", {
    // The existing Rust launcher reads the first, the Go launcher the second;
    // both are looked at, so that no two readers judge them differently.
    read: (field: Field) => {
      const env = maybe(textMap).read(field);
      const other = field.parent?.at("environment") ?? new Field(undefined);
      const environment = maybe(textMap).read(other);
      return env ?? environment ?? {};
    },
    write: textMap.write,
  }],
} as const;

const EXECUTION: Codec<ExecutionMetadata> = {
  read: optionalRecord<ExecutionMetadata>(EXECUTION_MEMBERS).read,
  write(value): Draft {
    const written = record<ExecutionMetadata>(EXECUTION_MEMBERS).write(value);
    return { ...written as JsonObject, environment: textMap.write(value.env) };
  },
};

const BUILD_MEMBERS = {
  tool: ["tool", word],
  toolVersion: ["tool_version", word],
  timestamp: ["timestamp", word],
  deterministic: ["deterministic", or(truth, false)],
  platform: [
    "platform",
    optionalRecord<BuildMetadata["platform"]>({
      os: ["os", word],
      arch: ["arch", word],
      host: ["host", word],
    }),
  ],
} as const;

const BUILD_KEYS: ReadonlySet<string> = new Set(
  Object.values(BUILD_MEMBERS).map(([key]) => key),
);

const BUILD: Codec<BuildMetadata> = {
  read(field): BuildMetadata {
    const known = record<Omit<BuildMetadata, "extra">>(BUILD_MEMBERS);
    const rest = Object.entries(field.object()).filter(([key]) =>
      !BUILD_KEYS.has(key)
    );
    const build = known.read(field);
    return rest.length === 0
      ? build
      : { ...build, extra: Object.fromEntries(rest) };
  },
  write({ extra, ...build }): JsonObject {
    const known = record<Omit<BuildMetadata, "extra">>(BUILD_MEMBERS);
    return { ...known.write(build) as JsonObject, ...extra };
  },
};

const METADATA = record<PackageMetadata>({
  format: ["format", {
    read(field): string {
      const format = text.read(field);
      if (format !== FORMAT_NAME) throw field.error(`"${FORMAT_NAME}"`);
      return format;
    },
    write: text.write,
  }],
  formatVersion: ["format_version", word],
  package: [
    "package",
    record({
      name: ["name", text],
      version: ["version", text],
      description: ["description", maybe(text)],
    }),
  ],
  slots: ["slots", or(list(SLOT), [])],
  execution: ["execution", EXECUTION],
  verification: [
    "verification",
    maybe(record({
      integritySeal: [
        "integrity_seal",
        optionalRecord({
          required: ["required", or(truth, false)],
          algorithm: ["algorithm", word],
        }),
      ],
      signed: ["signed", or(truth, false)],
      requireVerification: ["require_verification", or(truth, false)],
      trustSignatures: ["trust_signatures", anything],
    })),
  ],
  build: ["build", maybe(BUILD)],
  launcher: [
    "launcher",
    maybe(record({
      tool: ["tool", word],
      toolVersion: ["tool_version", word],
      source: ["source", maybe(text)],
      size: ["size", or(whole, 0)],
      checksum: ["checksum", word],
      capabilities: ["capabilities", or(texts, [])],
    })),
  ],
  compatibility: [
    "compatibility",
    maybe(record({
      minFormatVersion: ["min_format_version", word],
      features: ["features", or(texts, [])],
    })),
  ],
  cacheValidation: [
    "cache_validation",
    maybe(record({
      checkFile: ["check_file", word],
      expectedContent: ["expected_content", word],
    })),
  ],
  runtime: [
    "runtime",
    maybe(record({
      env: [
        "env",
        optionalRecord({
          unset: ["unset", maybe(texts)],
          map: ["map", maybe(textMap)],
          set: ["set", maybe(textMap)],
          pass: ["pass", maybe(texts)],
        }),
      ],
    })),
  ],
  workenv: [
    "workenv",
    maybe(record({
      directories: [
        "directories",
        or(
          list(record({ path: ["path", text], mode: ["mode", maybe(text)] })),
          [],
        ),
      ],
      env: ["env", or(textMap, {})],
      umask: ["umask", maybe(text)],
    })),
  ],
  setupCommands: [
    "setup_commands",
    or(
      list({
        read: readSetupCommand,
        write: (value) => value,
      }),
      [],
    ),
  ],
  custom: ["custom", maybe(object)],
});

/** Fields without which a type of setup command means nothing. */
const NEEDED: ReadonlyMap<string, readonly string[]> = new Map([
  ["execute", ["command"]],
  ["shell", ["command"]],
  ["enumerate_and_execute", ["command", "enumerate"]],
  ["write_file", ["path", "content"]],
  ["chmod", ["path"]],
]);

/**
 * A command line, or an object with the fields that its type needs. A type that
 * nobody knows is not an error here: running it is.
 */
function readSetupCommand(field: Field): JsonValue {
  const { value } = field;
  if (value === undefined) throw field.error("an object");
  if (typeof value === "string") return value;
  // Types come from the package: `constructor` is one that nobody knows.
  const needed = NEEDED.get(or(text, "execute").read(field.at("type"))) ?? [];
  for (const key of ["command", "path", "content"]) {
    (needed.includes(key) ? text : maybe(text)).read(field.at(key));
  }
  const mode = field.at("mode");
  // The Go launcher writes modes as numbers.
  (typeof mode.value === "number" ? whole : maybe(text)).read(mode);
  or(truth, false).read(field.at("batch"));
  const enumerate = field.at("enumerate");
  if (needed.includes("enumerate")) enumerate.object();
  maybe(text).read(enumerate.at("path"));
  maybe(text).read(enumerate.at("pattern"));
  return value;
}

/**
 * Writes the metadata document. The signature covers these very bytes, so the
 * order of keys is fixed, maps are sorted, and nothing ever writes them again.
 */
export function encodeMetadata(
  metadata: PackageMetadata,
): Uint8Array<ArrayBuffer> {
  const document = METADATA.write(metadata);
  return new TextEncoder().encode(JSON.stringify(document, undefined, 2));
}

/**
 * Parses the metadata document of any known builder. What one of them leaves
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
  return METADATA.read(
    new Field(parseStrictJson(json, { maxDepth: MAX_METADATA_DEPTH })),
  );
}
