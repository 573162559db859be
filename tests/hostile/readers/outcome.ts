/** What a reader said about a package. @module */

/** The verdict of one reader. */
export interface Outcome {
  /** Whether the package was taken, refused, or brought the reader down. */
  readonly verdict: "accept" | "refuse" | "crash";
  /** The error code of a refusal; how it died of a crash. */
  readonly code: string;
  /** Everything that was said, for the message of a failed test. */
  readonly detail: string;
  /** Highest resident memory in bytes, where it was measured. */
  readonly peakMemory?: number;
}

/** Nothing to complain about. */
export const ACCEPTED: Outcome = { verdict: "accept", code: "", detail: "" };
