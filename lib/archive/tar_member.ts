/**
 * One entry of an archive to be written: where it comes from in the tree, and
 * what it is called inside of the archive.
 */
export type TarMember =
  | {
    readonly kind: "directory";
    /** Path inside the archive. */
    readonly path: string;
    /** Permission bits, at most 0o777. */
    readonly mode: number;
  }
  | {
    readonly kind: "file";
    /** Path inside the archive. */
    readonly path: string;
    /** Permission bits, at most 0o777. */
    readonly mode: number;
    /** Length in bytes. */
    readonly size: number;
    /** Path in the tree. */
    readonly source: string;
  }
  | {
    readonly kind: "symlink";
    /** Path inside the archive. */
    readonly path: string;
    /** Permission bits of the entry; only foreign launchers look at them. */
    readonly mode: number;
    /** Where the link points. */
    readonly target: string;
  };
