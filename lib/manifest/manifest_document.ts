import type { JsonObject, RuntimeEnvironment } from "../format/metadata.ts";

type Variables = Readonly<Record<string, string>>;

/** A slot of a manifest that fits the schema. */
export interface SlotDocument {
  readonly slot?: number | null;
  readonly id: string;
  readonly source: string;
  readonly include?: readonly string[] | null;
  readonly exclude?: readonly string[] | null;
  readonly target: string;
  readonly operations?: string | null;
  readonly level?: number | null;
  readonly purpose?: string | null;
  readonly lifecycle?: string | null;
  readonly modes?: "owner" | "exact" | null;
  readonly permissions?: string | null;
  readonly platform?: "any" | "linux" | "darwin" | "macos" | "windows" | null;
  readonly resolution?: string | null;
  readonly encoding?: string | null;
}

/** One step of the setup of a manifest that fits the schema. */
export interface SetupDocument {
  readonly type?: string | null;
  readonly command?: string | null;
  readonly enumerate?:
    | { readonly path: string; readonly pattern: string }
    | null;
  readonly batch?: boolean | null;
  readonly path?: string | null;
  readonly content?: string | null;
  readonly mode?: string | null;
}

/** A directory of the workenv. */
export type DirectoryDocument =
  | string
  | { readonly path: string; readonly mode?: string | null };

/** The execution section of a manifest that fits the schema. */
export interface ExecutionDocument {
  readonly command?: string | null;
  readonly argv?: readonly string[] | null;
  readonly args?: readonly string[] | null;
  readonly cwd?: string | null;
  readonly env?: Variables | null;
  readonly environment?: Variables | null;
  readonly primary_slot?: number | string | null;
}

/** A manifest that fits `MANIFEST_SCHEMA`; the names are those of the file. */
export interface ManifestDocument {
  readonly package: {
    readonly name: string;
    readonly version: string;
    readonly description?: string | null;
  };
  readonly execution: ExecutionDocument;
  readonly slots: readonly SlotDocument[];
  readonly runtime?: { readonly env?: RuntimeEnvironment | null } | null;
  readonly workenv?: {
    readonly directories?: readonly DirectoryDocument[] | null;
    readonly env?: Variables | null;
    readonly umask?: string | null;
  } | null;
  readonly setup_commands?: readonly (string | SetupDocument)[] | null;
  readonly cache_validation?: {
    readonly check_file: string;
    readonly expected_content: string;
  } | null;
  readonly launcher?: string | null;
  readonly build?: {
    readonly portable?: boolean | null;
    readonly level?: number | null;
  } | null;
  readonly custom?: JsonObject | null;
}
