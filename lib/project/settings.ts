import { PspfError } from "../errors.ts";
import { checkDocument, PlanNotes } from "../manifest/check_document.ts";
import { RUNTIME } from "../manifest/manifest_schema.ts";
import type { ObjectSchema, Schema, ValueOf } from "../manifest/schema.ts";
import { checkText, checkVariableName } from "../manifest/value_checks.ts";

const TEXT = { kind: "string", check: checkText } as const;
const TEXTS = { kind: "array", items: TEXT } as const;
const may = <S extends Schema>(
  schema: S,
  example: string,
  description: string,
) => ({ schema, example, description });

// deno-fmt-ignore: one row for each key
const SETTINGS = {
  kind: "object",
  fields: {
    entry: may(TEXT, '"hello.cli:main"', "What to start: the name of a script, `module:function`, a module or a file."),
    entry_point: may(TEXT, '"hello.cli:main"', "The same as `entry`."),
    metadata: may({ kind: "object", fields: { package_name: may(TEXT, '"hello"', "The same as `package_name`.") } } as const, '{ package_name = "hello" }', "An older place of `package_name`."),
    package_name: may(TEXT, '"hello"', "Name of the package, if it differs from the project's."),
    runtime: may(TEXT, '"python@3.12"', "The interpreter: a version such as `python@3.12`, `node@22`, `deno@2.9`, or the path of an installation."),
    include: may(TEXTS, '["src/**"]', "Globs of files of the project that are packed."),
    exclude: may(TEXTS, '["docs/"]', "Globs of files of the project that are left out."),
    extras: may(TEXTS, '["web"]', "Python: names of optional dependencies that are packed as well."),
    permissions: may(TEXTS, '["--allow-net"]', "Deno: what the program may do."),
    args: may(TEXTS, '["serve"]', "Arguments that come before the user's."),
    env: may({ kind: "map", values: { kind: "string" }, checkKey: checkVariableName } as const, '{ MODE = "prod" }', "Environment variables of the application."),
    execution: may({ kind: "object", fields: { runtime: may(RUNTIME, '{ env = { pass = ["HOME"] } }', "Rules for the inherited environment.") } } as const,
      '{ runtime = { env = { pass = ["HOME"] } } }', "How the application is started."),
  },
} as const;

/** Keys of `[tool.flavor]`, and of `"flavor"` in package.json and deno.json. */
export const SETTINGS_SCHEMA: ObjectSchema = SETTINGS;

/** What a project says about how it is packed. */
export type ProjectSettings = {
  readonly [K in keyof ValueOf<typeof SETTINGS>]?:
    | ValueOf<typeof SETTINGS>[K]
    | undefined;
};

/**
 * Checks a project's settings; names every problem, with where it is. Keys that
 * flavor does not know are warnings: other packers keep their keys here.
 */
export function readSettings(
  value: unknown,
  where: string,
): {
  readonly settings: ProjectSettings;
  readonly warnings: readonly string[];
} {
  if (value === undefined) return { settings: {}, warnings: [] };
  const notes = new PlanNotes();
  const known = checkDocument(value, SETTINGS_SCHEMA, "json", notes);
  if (notes.problems.length === 0) {
    const warnings = notes.warnings.map((text) => `${where}: ${text}`);
    return { settings: known as ProjectSettings, warnings };
  }
  const lines = notes.problems.map(({ path, message }) =>
    path === "" ? `it ${message}` : `${path} ${message}`
  );
  throw new PspfError(
    "manifest/invalid",
    `Cannot use ${where}:\n  ${lines.join("\n  ")}`,
    {
      context: {
        file: where,
        problems: notes.problems.map(({ path, message }) => ({
          path,
          message,
        })),
      },
      hint: "Every key is described in docs/projects.md",
    },
  );
}
