import type { OperationChain } from "../format/operation_chain.ts";
import type { OpenedSlot } from "./opened_slot.ts";

/** A slot whose stored bytes lie in the spool. */
export interface BuiltSlot {
  /** What it was made of. */
  readonly opened: OpenedSlot;
  /** The chain that the stored bytes have. */
  readonly operations: OperationChain;
  /** Where they begin in the spool. */
  readonly spoolOffset: number;
  /** Stored length in bytes. */
  readonly size: number;
  /** Length without compression in bytes. */
  readonly originalSize: number;
  /** SHA-256 of the stored bytes. */
  readonly digest: Uint8Array;
  /** Whether the source had its form already. */
  readonly kept: boolean;
  /** Whether the stored bytes came out of the slot cache. */
  readonly isCached: boolean;
}
