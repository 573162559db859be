import type { Clock, FileReader, FileWriter } from "../host/types.ts";

/** Which launcher is wanted. */
export interface LauncherRequest {
  /** A file; searched for when absent. */
  readonly path?: string;
  /** `<os>_<arch>`; what the file runs on, else this machine, when absent. */
  readonly target?: string;
}

/** A launcher on some host. */
export interface FoundLauncher {
  /** The file. */
  readonly path: string;
  /** What it runs on. */
  readonly target: {
    /** `linux`, `darwin` or `windows`. */
    readonly os: string;
    /** `amd64` or `arm64`. */
    readonly arch: string;
  };
}

/** What a builder needs of the machine, once it is given paths. */
export interface BuilderHost {
  /** Reads sources, keys, manifests and launchers. */
  readonly reader: FileReader;
  /** Writes packages and scratch space. */
  readonly writer: FileWriter;
  /** Tells how old the entries of a slot cache are. */
  readonly clock: Pick<Clock, "now">;
  /** Numeric user; `undefined` where the system has none. */
  readonly user: number | undefined;
  /** Number of processors: how many blocks are compressed at once. */
  readonly processors: number;
  /**
   * Finds a launcher.
   *
   * @param request Which one.
   * @returns The launcher, checked against its target.
   * @throws {PspfError} `launcher/not-found`, `launcher/wrong-format`,
   * `usage/bad-argument`, `io/not-found`
   */
  findLauncher(request: LauncherRequest): Promise<FoundLauncher>;
}
