import type { RandomAccessSource } from "../io/random_access_source.ts";
import { checkContent } from "./check_content.ts";
import { isVerdict, type VerifyCheck } from "./check_log.ts";
import { createLog, examinePackage, type OpenOptions } from "./open_package.ts";

/** Options of {@linkcode verifyPackage}. */
export interface VerifyOptions extends OpenOptions {
  /** Gets the number of bytes that were checked since the last call. */
  readonly onProgress?: (bytes: number) => void;
}

/** What {@linkcode verifyPackage} found. */
export interface VerifyReport {
  /** Whether no check failed. */
  readonly valid: boolean;
  /** Every check that was reached, in order. */
  readonly checks: readonly VerifyCheck[];
}

/**
 * Verifies a whole package, its content included. A bad package is a report,
 * not an exception; checks that need what a failed one would have found are
 * not reached.
 *
 * @param source The package; still the caller's to dispose.
 * @param options Level, trusted keys and progress.
 * @returns The verdicts.
 * @throws {PspfError} `io/*` when it cannot be read.
 *
 * @example Not a package
 * ```ts
 * import { verifyPackage } from "@flavor/pspf/read";
 * import { BytesSource } from "@flavor/pspf/io";
 * import { assertEquals } from "@std/assert";
 *
 * const report = await verifyPackage(new BytesSource(new Uint8Array(10_000)));
 * assertEquals(report.valid, false);
 * assertEquals(report.checks[0]?.code, "format/not-a-package");
 * ```
 */
export async function verifyPackage(
  source: RandomAccessSource,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const log = createLog(options, "report");
  try {
    const opened = await examinePackage(source, log, options);
    const { signal, onProgress } = options;
    await checkContent(opened, log, {
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  } catch (error) {
    // The log has the verdict already; anything else is no verdict.
    if (!isVerdict(error)) throw error;
  }
  return { valid: log.valid, checks: log.checks };
}
