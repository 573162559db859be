import type { FileTree } from "../io/file_tree.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";

/** What the source of a slot turned out to be. */
export type SlotSource =
  | {
    readonly kind: "file";
    /** The content; the builder closes it. */
    readonly bytes: RandomAccessSource;
    /** Permission bits, at most 0o777. */
    readonly mode: number;
  }
  | {
    readonly kind: "directory";
    /** The content. */
    readonly tree: FileTree;
  };

/**
 * Finds the source of a slot on some host.
 *
 * @param source The source as the manifest spells it.
 * @param slot Id of the slot that it is for.
 * @returns The file or directory.
 * @throws {PspfError} `io/not-found`, `io/denied`, and `manifest/invalid` when
 * the source can be two different files
 */
export type SlotSourceOpener = (
  source: string,
  slot: string,
) => Promise<SlotSource>;
