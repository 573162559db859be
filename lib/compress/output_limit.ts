import { PspfError } from "../errors.ts";
import type { DecodeLimits } from "./codec.ts";

/** Below this size a high ratio does no harm: zeros compress well. */
const FREE_SIZE = 64 * 1024 * 1024;

/** More than this is not seen in honest data above {@linkcode FREE_SIZE}. */
const MAX_RATIO = 200;

/** Counts what goes into a decoder and bounds what comes out. */
export class OutputLimit {
  readonly #maxSize: number | undefined;
  readonly #name: string;
  #input = 0;
  #output = 0;

  /** @param limits Declared size and a name for messages. */
  constructor(limits: DecodeLimits) {
    this.#maxSize = limits.maxSize;
    this.#name = limits.name ?? "data";
  }

  /** What is being decoded, for messages. */
  get name(): string {
    return this.#name;
  }

  /** Bytes that went in so far: the offset of the next one. */
  get inputOffset(): number {
    return this.#input;
  }

  /** Bytes that may still come out. */
  get remaining(): number {
    const max = this.#maxSize ?? Math.max(FREE_SIZE, this.#input * MAX_RATIO);
    return max - this.#output;
  }

  /** @param length Bytes that go in. */
  addInput(length: number): void {
    this.#input += length;
  }

  addOutput(length: number): void {
    if (length > this.remaining) throw this.tooLarge();
    this.#output += length;
  }

  /** Describes output beyond the limit. */
  tooLarge(): PspfError {
    const limit = this.#output + this.remaining;
    return new PspfError(
      "compress/too-large",
      `Cannot decompress ${this.#name}: it gives more than ${limit} bytes`,
      {
        context: { name: this.#name, limit, offset: this.#input },
        hint: this.#maxSize === undefined
          ? "No size was declared, and the ratio is that of a decompression bomb"
          : "The declared size is wrong, or the data was replaced",
      },
    );
  }

  /** Describes damaged input. */
  corrupt(what: string, offset: number, cause?: unknown): PspfError {
    return new PspfError(
      "compress/corrupt",
      `Cannot decompress ${this.#name} at byte ${offset}: ${what}`,
      {
        context: { name: this.#name, offset },
        hint: "The data is damaged or was cut off; get a fresh copy",
        ...(cause === undefined ? {} : { cause }),
      },
    );
  }
}
