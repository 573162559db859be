import type { SlotMetadata } from "../format/metadata.ts";
import type { OperationChain } from "../format/operation_chain.ts";
import type { SlotDescriptor } from "../format/slot_descriptor.ts";

/** A slot of an open package: its descriptor and its metadata, checked. */
export interface PackageSlot {
  /** Index in the slot table, from 0. */
  readonly index: number;
  /** Its name. */
  readonly id: string;
  /** Where the stored bytes start in the file. */
  readonly offset: number;
  /** Stored length in bytes. */
  readonly size: number;
  /** What was done to the content, in order. */
  readonly operations: OperationChain;
  /** Permission bits of a single file, at most 0o777. */
  readonly permissions: number;
  /**
   * Length of the decoded content in bytes, where it can be relied on: other
   * builders do not write it.
   */
  readonly contentSize?: number;
  /** What the metadata says about it. */
  readonly metadata: SlotMetadata;
  /** The descriptor as stored. */
  readonly descriptor: SlotDescriptor;
}
