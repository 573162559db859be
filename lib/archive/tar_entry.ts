/** One member of an archive that is being read. */
export type TarEntry =
  | {
    readonly kind: "directory";
    /** Checked path; empty for the root of the archive itself. */
    readonly path: string;
    /** Permission bits, at most 0o777. */
    readonly mode: number;
  }
  | {
    readonly kind: "file";
    /** Checked path. */
    readonly path: string;
    /** Permission bits, at most 0o777. */
    readonly mode: number;
    /** Length in bytes. */
    readonly size: number;
    /** The bytes; what is left of them when the next entry is asked for is skipped. */
    readonly content: ReadableStream<Uint8Array>;
  }
  | {
    readonly kind: "symlink";
    /** Checked path. */
    readonly path: string;
    /** Where the link points, as stored. */
    readonly target: string;
  }
  | {
    readonly kind: "hardlink";
    /** Checked path. */
    readonly path: string;
    /** Checked path of a member that stands before this one. */
    readonly existing: string;
  };
