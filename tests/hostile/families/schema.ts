/** Every key of the metadata with a value of every type. @module */

import { AGREE, refuseAtOpen } from "../hostile_case.ts";
import type { Expectation, HostileCase } from "../hostile_case.ts";
import type { Json } from "../metadata_document.ts";
import { writePackage } from "../package_draft.ts";

type Type =
  | "string"
  | "whole"
  | "boolean"
  | "strings"
  | "map"
  | "list"
  | "object";

/** Path, type, and whether a value has to be there. */
const KEYS: readonly (readonly [string, Type, boolean?])[] = [
  ["format", "string", true],
  ["format_version", "string"],
  ["package", "object", true],
  ["package.name", "string", true],
  ["package.version", "string", true],
  ["package.description", "string"],
  ["slots", "list", true],
  ["slots.0", "object", true],
  ["slots.0.slot", "whole"],
  ["slots.0.id", "string", true],
  ["slots.0.source", "string"],
  ["slots.0.target", "string", true],
  ["slots.0.size", "whole"],
  ["slots.0.checksum", "string", true],
  ["slots.0.operations", "string"],
  ["slots.0.purpose", "string"],
  ["slots.0.lifecycle", "string"],
  ["slots.0.permissions", "string"],
  ["slots.0.resolution", "string"],
  ["slots.0.self_ref", "boolean"],
  ["execution", "object"],
  ["execution.primary_slot", "whole"],
  ["execution.command", "string"],
  ["execution.argv", "strings"],
  ["execution.args", "strings"],
  ["execution.cwd", "string"],
  ["execution.env", "map"],
  ["execution.environment", "map"],
  ["verification", "object"],
  ["verification.integrity_seal", "object"],
  ["verification.integrity_seal.required", "boolean"],
  ["verification.integrity_seal.algorithm", "string"],
  ["verification.signed", "boolean"],
  ["verification.require_verification", "boolean"],
  ["build", "object"],
  ["build.tool", "string"],
  ["build.platform", "object"],
  ["build.platform.os", "string"],
  ["build.deterministic", "boolean"],
  ["launcher", "object"],
  ["launcher.size", "whole"],
  ["launcher.checksum", "string"],
  ["launcher.capabilities", "strings"],
  ["compatibility", "object"],
  ["compatibility.features", "strings"],
  ["cache_validation", "object"],
  ["cache_validation.check_file", "string"],
  ["cache_validation.expected_content", "string"],
  ["runtime", "object"],
  ["runtime.env", "object"],
  ["runtime.env.pass", "strings"],
  ["runtime.env.unset", "strings"],
  ["runtime.env.map", "map"],
  ["runtime.env.set", "map"],
  ["workenv", "object"],
  ["workenv.env", "map"],
  ["workenv.umask", "string"],
  ["workenv.directories", "list"],
  ["workenv.directories.0", "object"],
  ["workenv.directories.0.path", "string", true],
  ["workenv.directories.0.mode", "string"],
  ["setup_commands", "list"],
  ["custom", "object"],
];

const VALUES: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  2 ** 53,
  "",
  "x",
  [],
  [1],
  ["x"],
  {},
  { a: 1 },
  { a: "x" },
];

/** Cases about types: what is wrong is refused by both, what is odd is judged alike. */
export function schemaCases(): HostileCase[] {
  const replaced = KEYS.flatMap(([path, type, required]) =>
    VALUES.map((value) =>
      schemaCase(path, value, expectation(path, type, value, required ?? false))
    )
  );
  const missing = KEYS.map(([path, , required]) =>
    schemaCase(path, undefined, required ? BAD : oddAt(path))
  );
  return [...replaced, ...missing];
}

const BAD = refuseAtOpen("format/bad-metadata", "format/bad-slot");

function schemaCase(
  path: string,
  value: Json | undefined,
  expect: Expectation,
): HostileCase {
  return {
    family: "schema",
    name: value === undefined
      ? `${path} is missing`
      : `${path} is ${JSON.stringify(value)}`,
    expect,
    build: ({ launcher }) =>
      writePackage(launcher, {
        // Unsealed, so that the comparison with the descriptors does not hide the type check.
        sealed: false,
        document: (document) => setPath(document, path.split("."), value),
      }),
  };
}

/** A package without a program, or with a senseless umask, is a package; only starting it fails. */
function oddAt(path: string): Expectation {
  const matters = path.startsWith("execution") || path === "workenv.umask";
  return matters ? { ...AGREE, stage: "run" } : AGREE;
}

function expectation(
  path: string,
  type: Type,
  value: Json,
  required: boolean,
): Expectation {
  if (value === null) return required ? BAD : oddAt(path);
  return hasType(type, value) ? oddAt(path) : BAD;
}

function hasType(type: Type, value: Json): boolean {
  const isObject = typeof value === "object" && value !== null &&
    !Array.isArray(value);
  switch (type) {
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "whole":
      return Number.isSafeInteger(value) && Number(value) >= 0;
    case "strings":
      return Array.isArray(value) &&
        value.every((item) => typeof item === "string");
    case "list":
      return Array.isArray(value);
    case "map":
      return isObject &&
        Object.values(value).every((item) => typeof item === "string");
    case "object":
      return isObject;
  }
}

/** Sets or removes a value; parents that are missing appear. */
function setPath(
  root: Record<string, Json>,
  path: readonly string[],
  value: Json | undefined,
): void {
  let parent = root;
  path.slice(0, -1).forEach((key, at) => {
    parent[key] ??= path[at + 1] === "0" ? [] : {};
    parent = parent[key] as Record<string, Json>;
  });
  const key = path.at(-1) ?? "";
  if (value === undefined) delete parent[key];
  else parent[key] = value;
}
