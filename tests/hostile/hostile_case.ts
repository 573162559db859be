/**
 * What a hostile case is: a name, the bytes, and what both readers have to say about them.
 *
 * @module
 */

/**
 * How far a reader may come before it has to refuse.
 *
 * - `open`: nothing may be written before the refusal.
 * - `extract`: the container is right, the content of a slot is not.
 * - `verify`: only a full verification looks there; a start may succeed.
 * - `run`: the package is right as a file; starting it is what has to fail.
 */
export type Stage = "open" | "extract" | "verify" | "run";

/**
 * The verdict that a case expects.
 *
 * `agree` leaves the verdict open: the format does not decide, and the readers have to decide alike. `any` asks
 * only that neither reader crashes or leaves its place: what one of them supports, the other may not.
 */
export type Verdict = "accept" | "refuse" | "agree" | "any";

/** What has to happen to a case. */
export interface Expectation {
  /** Whether the package is refused. */
  readonly verdict: Verdict;
  /** Where; meaningless for `accept`. */
  readonly stage: Stage;
  /** The error codes that fit, any of them; any code at all when empty. */
  readonly codes: readonly string[];
}

/** What a case is built on. */
export interface Ground {
  /** The launcher at the front of the package. */
  readonly launcher: Uint8Array;
  /** Absolute path of a directory that nothing may touch. */
  readonly outside: string;
}

/** One package that an attacker could hand over. */
export interface HostileCase {
  /** What is wrong, unique within the family. */
  readonly name: string;
  /** The part of the format that is attacked. */
  readonly family: string;
  /** What both readers have to do. */
  readonly expect: Expectation;
  /** Whether the peak memory of each reader is measured. */
  readonly heavy?: boolean;
  /** Makes the package, the same bytes at each call. */
  readonly build: (ground: Ground) => Uint8Array;
}

/** The case has to be refused before anything is written. */
export function refuseAtOpen(...codes: string[]): Expectation {
  return { verdict: "refuse", stage: "open", codes };
}

/** The case has to be refused while its slots are extracted. */
export function refuseAtExtract(...codes: string[]): Expectation {
  return { verdict: "refuse", stage: "extract", codes };
}

/** The case has to be refused by a full verification. */
export function refuseAtVerify(...codes: string[]): Expectation {
  return { verdict: "refuse", stage: "verify", codes };
}

/** The case has to be refused by the launcher when it starts the program. */
export function refuseAtRun(...codes: string[]): Expectation {
  return { verdict: "refuse", stage: "run", codes };
}

/** The case is odd and right: both readers have to take it. */
export const ACCEPT: Expectation = {
  verdict: "accept",
  stage: "extract",
  codes: [],
};

/** Both readers have to decide alike, whatever they decide. */
export const AGREE: Expectation = {
  verdict: "agree",
  stage: "extract",
  codes: [],
};

/** Neither reader may crash or leave its place. */
export const ANY: Expectation = { verdict: "any", stage: "extract", codes: [] };
