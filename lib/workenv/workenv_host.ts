import type {
  Clock,
  Environment,
  FileLocks,
  FileReader,
  FileWriter,
  Machine,
  ProcessRunner,
  Random,
} from "../host/types.ts";

/** The parts of a host that the cache administration uses. */
export interface WorkenvHost {
  /** Reads files. */
  readonly reader: FileReader;
  /** Removes files. */
  readonly writer: FileWriter;
  /** Tells whether something is in use. */
  readonly locks: FileLocks;
  /** Tells what other processes run from. */
  readonly processes: ProcessRunner;
  /** Where the cache is. */
  readonly env: Environment;
  /** Age of entries. */
  readonly clock: Clock;
  /** Home directory and user. */
  readonly machine: Machine;
  /** Names for what is about to vanish. */
  readonly random: Random;
}
