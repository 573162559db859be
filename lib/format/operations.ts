import { PspfError } from "../errors.ts";
import { MAX_OPERATIONS } from "./constants.ts";

/**
 * What can be done to a slot's bytes, by the code in a packed chain: the v0
 * set, all that any launcher can undo.
 *
 * @example Codes are plain numbers
 * ```ts
 * import { Operation } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(Operation.ZSTD, 0x1b);
 * ```
 */
export const Operation = {
  /** Nothing: never part of a chain. */
  NONE: 0x00,
  /** A tree of files as one tar archive. */
  TAR: 0x01,
  /** gzip (RFC 1952). */
  GZIP: 0x10,
  /** bzip2. */
  BZIP2: 0x13,
  /** xz. */
  XZ: 0x16,
  /** Zstandard (RFC 8878). */
  ZSTD: 0x1b,
} as const;

/** The code of an {@linkcode Operation}. */
export type OperationCode = typeof Operation[keyof typeof Operation];

const { NONE, TAR, GZIP, BZIP2, XZ, ZSTD } = Operation;

const NAMES: Readonly<Record<OperationCode, string>> = {
  [NONE]: "raw",
  [TAR]: "tar",
  [GZIP]: "gzip",
  [BZIP2]: "bzip2",
  [XZ]: "xz",
  [ZSTD]: "zstd",
};

/** The lower-case name of an operation. */
export function operationName(code: OperationCode): string {
  return NAMES[code];
}

function isOperationCode(code: number): code is OperationCode {
  return Object.hasOwn(NAMES, code);
}

/** Names of one operation or of a usual pair; the first name of a pair is shown. */
const PARTS: ReadonlyMap<string, readonly OperationCode[]> = new Map<
  string,
  readonly OperationCode[]
>([
  ["tar", [TAR]],
  ["gzip", [GZIP]],
  ["bzip2", [BZIP2]],
  ["xz", [XZ]],
  ["zstd", [ZSTD]],
  ["tar.gz", [TAR, GZIP]],
  ["tgz", [TAR, GZIP]],
  ["tar.bz2", [TAR, BZIP2]],
  ["tbz2", [TAR, BZIP2]],
  ["tar.xz", [TAR, XZ]],
  ["txz", [TAR, XZ]],
  ["tar.zst", [TAR, ZSTD]],
]);

const RAW_NAMES: ReadonlySet<string> = new Set(["", "raw", "none"]);

/**
 * What was done to a slot's bytes, in order. To read the slot it is undone
 * from the end.
 *
 * @example Build, pack and name a chain
 * ```ts
 * import { Operation, OperationChain } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const chain = new OperationChain().add(Operation.TAR).add(Operation.GZIP);
 * assertEquals(chain.encode(), 0x1001n);
 * assertEquals(chain.toString(), "tar.gz");
 * assertEquals(OperationChain.decode(0x1b01n).toString(), "tar.zst");
 * for (const text of ["tgz", "TAR|GZIP", "tar,gzip"]) {
 *   assertEquals(OperationChain.parse(text).encode(), 0x1001n);
 * }
 * ```
 */
export class OperationChain implements Iterable<OperationCode> {
  readonly #codes: OperationCode[] = [];

  /**
   * Makes a chain.
   *
   * @param codes Operations in the order of execution.
   * @throws {PspfError} `format/bad-operations`
   */
  constructor(codes: Iterable<OperationCode> = []) {
    for (const code of codes) this.add(code);
  }

  /**
   * Unpacks the chain of a slot descriptor. A zero byte ends it; a code behind
   * a zero byte is refused, because existing launchers disagree about it.
   *
   * @param packed The u64 as stored.
   * @returns The chain.
   * @throws {PspfError} `format/bad-operations` when it has a hole or an
   * operation that is not known.
   */
  static decode(packed: bigint): OperationChain {
    const chain = new OperationChain();
    for (let rest = packed; rest !== 0n; rest >>= 8n) {
      const code = Number(rest & 0xffn);
      if (code === NONE) {
        throw new PspfError(
          "format/bad-operations",
          `Cannot read operation chain 0x${packed.toString(16)}: it has a hole`,
          { context: { operations: packed.toString(), index: chain.length } },
        );
      }
      chain.add(code as OperationCode);
    }
    return chain;
  }

  /**
   * Reads any spelling that one of the existing builders accepts: `raw`,
   * `gzip`, `tgz`, `tar.gz`, `TAR|GZIP`, `tar,gzip`.
   *
   * @param text The spelling; case and blanks do not matter.
   * @returns The chain.
   * @throws {PspfError} `format/bad-operations` when a part is not known.
   */
  static parse(text: string): OperationChain {
    const normal = text.trim().toLowerCase();
    const chain = new OperationChain();
    if (RAW_NAMES.has(normal)) return chain;
    for (const part of normal.split(/[|,]/).map((name) => name.trim())) {
      if (part === "") continue;
      const codes = PARTS.get(part);
      if (codes === undefined) throw unknownName(text, part);
      for (const code of codes) chain.add(code);
    }
    return chain;
  }

  /** Number of operations. */
  get length(): number {
    return this.#codes.length;
  }

  /** Whether the slot is a tree of files. */
  get isArchive(): boolean {
    return this.#codes.includes(TAR);
  }

  /**
   * Appends an operation.
   *
   * @param code One of {@linkcode Operation}.
   * @returns The same chain.
   * @throws {PspfError} `format/bad-operations` when the chain is full or the
   * code is `NONE` or not known.
   */
  add(code: OperationCode): this {
    if (code === NONE || !isOperationCode(code)) throw unknownCode(code);
    if (this.#codes.length === MAX_OPERATIONS) {
      throw new PspfError(
        "format/bad-operations",
        `Cannot chain more than ${MAX_OPERATIONS} operations`,
        { context: { expected: MAX_OPERATIONS } },
      );
    }
    this.#codes.push(code);
    return this;
  }

  /**
   * Packs the chain for a slot descriptor, the first operation in the lowest
   * byte.
   *
   * @returns The u64 to store.
   */
  encode(): bigint {
    return this.#codes.reduceRight(
      (packed, code) => packed << 8n | BigInt(code),
      0n,
    );
  }

  /**
   * Names the chain the way `inspect` shows it.
   *
   * @returns `raw`, one name, a dotted pair like `tar.gz`, or names joined by
   * `|`; {@linkcode OperationChain.parse} reads all of them.
   */
  toString(): string {
    if (this.#codes.length === 0) return "raw";
    const text = this.#codes.map(operationName).join("|");
    for (const [name, codes] of PARTS) {
      if (codes.map(operationName).join("|") === text) return name;
    }
    return text;
  }

  /**
   * Iterates over the operations in the order of execution.
   *
   * @returns An iterator over the codes.
   */
  [Symbol.iterator](): IterableIterator<OperationCode> {
    return this.#codes.values();
  }
}

function unknownCode(code: number): PspfError {
  const hex = `0x${code.toString(16).padStart(2, "0")}`;
  return new PspfError(
    "format/bad-operations",
    `Cannot use operation ${hex}: it is not known`,
    { context: { actual: code }, hint: "A newer flavor may know it" },
  );
}

function unknownName(text: string, part: string): PspfError {
  return new PspfError(
    "format/bad-operations",
    `Cannot read operations "${text}": "${part}" is not known`,
    {
      context: { operations: text, actual: part },
      hint: `Use raw, ${[...PARTS.keys()].join(", ")}, or names joined by |`,
    },
  );
}
