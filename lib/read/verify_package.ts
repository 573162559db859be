import { openSource, type SourceInput } from "../io/open_source.ts";
import { checkContent, type ContentOptions } from "./check_content.ts";
import { isVerdict, type VerifyCheck } from "./check_log.ts";
import { createLog, examinePackage, type OpenOptions } from "./open_package.ts";

/** Options of {@linkcode verifyPackage}. */
export interface VerifyOptions extends OpenOptions, ContentOptions {}

/** What {@linkcode verifyPackage} found. */
export interface VerifyReport {
  /** Whether every check was reached, and none failed. */
  readonly valid: boolean;
  /** Every check that was reached, in order. */
  readonly checks: readonly VerifyCheck[];
}

/**
 * Verifies a whole package, its content included. A bad package is a report,
 * not an exception; checks that need what a failed one would have found are
 * not reached.
 *
 * @param input The package: path, URL, bytes, blob or source.
 * @param options Level, trusted keys and progress.
 * @returns The verdicts.
 * @throws {PspfError} `io/*` when it cannot be read; `crypto/bad-key` for a
 * trusted key that is none
 *
 * @example Not a package
 * ```ts
 * import { verifyPackage } from "@flavor/pspf/read";
 * import { assertEquals } from "@std/assert";
 *
 * const report = await verifyPackage(new Uint8Array(10_000));
 * assertEquals(report.valid, false);
 * assertEquals(report.checks[0]?.code, "format/not-a-package");
 * ```
 */
export async function verifyPackage(
  input: SourceInput,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  await using source = await openSource(input);
  const log = createLog(options, "report");
  let completed = false;
  try {
    const opened = await examinePackage(source, log, options);
    await checkContent(opened, log, options);
    completed = true;
  } catch (error) {
    // What a check found is in the log. Anything else says nothing about the
    // package, and must never look like a run that found nothing.
    if (!isVerdict(error) || log.hasPassed) throw error;
  }
  return { valid: completed && log.hasPassed, checks: log.checks };
}
