import { PspfError, type PspfErrorCode } from "../errors.ts";

/** How much of a package has to be proved, from most to least. */
export const VERIFY_LEVELS = [
  "strict",
  "standard",
  "relaxed",
  "minimal",
  "none",
] as const;

/**
 * How much of a package has to be proved.
 *
 * - `strict`: everything, and the package must carry a seal;
 * - `standard`: seal (if there is one), signature, digests and structure;
 * - `relaxed`: signature and seal failures are warnings;
 * - `minimal`: as `relaxed`, without the warnings;
 * - `none`: bounds and structure only.
 */
export type VerifyLevel = typeof VERIFY_LEVELS[number];

/** What an empty or absent level means. */
export const DEFAULT_VERIFY_LEVEL = "standard" satisfies VerifyLevel;

/** Reads a level that somebody typed. */
export function parseVerifyLevel(text: string): VerifyLevel {
  const wanted = text.trim().toLowerCase();
  const level = VERIFY_LEVELS.find((one) => one === wanted);
  if (level !== undefined) return level;
  throw new PspfError(
    "usage/bad-argument",
    `Cannot use level "${text}": it is not known`,
    {
      context: { actual: text, expected: [...VERIFY_LEVELS] },
      hint: `Use one of ${VERIFY_LEVELS.join(", ")}`,
    },
  );
}

/** The verdict of one check. */
export interface VerifyCheck {
  /** Stable name of the check; those of one slot end in `/` and its index. */
  readonly id: string;
  /** `warn` does not make a package invalid; `skip` means not looked at. */
  readonly status: "pass" | "fail" | "warn" | "skip";
  /** The error code of a failure or warning. */
  readonly code?: PspfErrorCode | undefined;
  /** What was found, in one sentence. */
  readonly detail: string;
  /** What to do about a failure or warning, where that is known. */
  readonly hint?: string | undefined;
}

/** Whether the first failure ends everything, or all of them are wanted. */
export type CheckMode = "throw" | "report";

/**
 * Runs the checks of a package in order and remembers each verdict. Opening
 * and verifying run the same checks; they differ in the mode only.
 */
export class CheckLog {
  /** The level that decides what a failed proof means. */
  readonly level: VerifyLevel;
  readonly #mode: CheckMode;
  readonly #checks: VerifyCheck[] = [];

  constructor(level: VerifyLevel, mode: CheckMode) {
    this.level = level;
    this.#mode = mode;
  }

  /** The verdicts so far, in order. */
  get checks(): readonly VerifyCheck[] {
    return this.#checks;
  }

  /** Whether nothing failed. */
  get hasPassed(): boolean {
    return this.#checks.every(({ status }) => status !== "fail");
  }

  /**
   * Runs a check without which nothing behind it makes sense: its failure is
   * thrown in both modes.
   */
  async structure<Value>(
    id: string,
    detail: string,
    body: () => Value | Promise<Value>,
  ): Promise<Value> {
    try {
      const value = await body();
      this.#checks.push({ id, status: "pass", detail });
      return value;
    } catch (error) {
      if (isVerdict(error)) this.#fail(id, "fail", error);
      throw error;
    }
  }

  /**
   * Runs a check that proves something. What its failure means depends on the
   * level; whether it is thrown, on the mode.
   */
  async proof(
    id: string,
    detail: string,
    body: () => void | Promise<void>,
    always = false,
  ): Promise<boolean> {
    if (this.level === "none" && !always) {
      this.skip(id, 'Not checked at level "none"');
      return false;
    }
    try {
      await body();
      this.#checks.push({ id, status: "pass", detail });
      return true;
    } catch (error) {
      if (!isVerdict(error)) throw error;
      const status = always ? "fail" : this.#statusOfFailure();
      this.#fail(id, status, error);
      if (status === "fail" && this.#mode === "throw") throw error;
      return false;
    }
  }

  /** Notes something that is odd and harmless. */
  warn(id: string, detail: string): void {
    this.#checks.push({ id, status: "warn", detail });
  }

  /** Notes that a check does not apply. */
  skip(id: string, detail: string): void {
    this.#checks.push({ id, status: "skip", detail });
  }

  #statusOfFailure(): VerifyCheck["status"] {
    switch (this.level) {
      case "relaxed":
        return "warn";
      case "minimal":
      case "none":
        return "skip";
      default:
        return "fail";
    }
  }

  #fail(id: string, status: VerifyCheck["status"], error: PspfError): void {
    const { code, message: detail, hint } = error;
    this.#checks.push({ id, status, code, detail, ...(hint && { hint }) });
  }
}

/**
 * Whether an error says something about the package, rather than about reading
 * it.
 */
export function isVerdict(error: unknown): error is PspfError {
  return error instanceof PspfError &&
    !/^(?:io|aborted|internal)\//.test(error.code);
}
