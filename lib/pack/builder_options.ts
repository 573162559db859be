import type { BuildOptions } from "./build_options.ts";
import type { SlotCacheChoice } from "./slot_cache.ts";

/** Settings of a build that say nothing about the package's content. */
export interface BuilderOptions extends
  Pick<
    BuildOptions,
    "jobs" | "portable" | "sourceDateEpoch" | "onProgress" | "signal"
  > {
  /**
   * Platform to record for a launcher that is given as bytes; a launcher with
   * a path or a target says it itself.
   */
  readonly target?: NonNullable<BuildOptions["target"]>;
  /** Keeps compressed slots for the next build. */
  readonly slotCache?: SlotCacheChoice;
  /**
   * Whether a package that is written to a path is read back and verified
   * before it gets its name.
   *
   * @default {true}
   */
  readonly verify?: boolean;
  /**
   * Whether a file that exists is replaced.
   *
   * @default {true}
   */
  readonly replace?: boolean;
}

/**
 * Takes what every build understands out of a builder's options.
 *
 * @param options The options of a builder.
 * @returns Those that are given and need nothing of the machine.
 */
export function pickBuildOptions(
  options: BuilderOptions,
): Pick<
  BuildOptions,
  "portable" | "sourceDateEpoch" | "onProgress" | "signal"
> {
  const { portable, sourceDateEpoch, onProgress, signal } = options;
  return {
    ...(portable === undefined ? {} : { portable }),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  };
}
