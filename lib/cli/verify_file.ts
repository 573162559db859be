import type { RandomAccessSource } from "../io/random_access_source.ts";
import {
  type TrustedKey,
  type VerifyLevel,
  verifyPackage,
  type VerifyReport,
} from "../read/mod.ts";
import type { Output } from "./output.ts";

/** Options of {@linkcode verifyFile}. */
export interface VerifyFileOptions {
  /** How strict to be. */
  readonly level: VerifyLevel;
  /** Keys to accept; any when `undefined`. */
  readonly trustedKeys: readonly TrustedKey[] | undefined;
}

/**
 * Verifies a package with a progress bar.
 *
 * @param source The package.
 * @param options Level and keys.
 * @param output Where the bar is drawn.
 * @returns Every check.
 * @throws {PspfError} `io/failed`
 */
export async function verifyFile(
  source: RandomAccessSource,
  options: VerifyFileOptions,
  output: Output,
): Promise<VerifyReport> {
  const { level, trustedKeys } = options;
  using bar = output.progress("verifying", source.size);
  let done = 0;
  return await verifyPackage(source, {
    level,
    ...(trustedKeys === undefined ? {} : { trustedKeys }),
    onProgress: (bytes) => {
      done += bytes;
      bar.update(done);
    },
  });
}
