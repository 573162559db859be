import { PspfError } from "../errors.ts";
import {
  isOperationCode,
  Operation,
  type OperationCode,
  operationName,
} from "./operation.ts";
import { packOperations, unpackOperations } from "./pack_operations.ts";

const { TAR, GZIP, BZIP2, XZ, ZSTD } = Operation;

/** Names of one operation or of a usual pair; `raw` and `none` are no part. */
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

/** How a packed chain is written, where it has a name of its own. */
const CHAIN_NAMES: ReadonlyMap<bigint, string> = new Map(
  ["tar.gz", "tar.bz2", "tar.xz", "tar.zst"].map((name) => [
    packOperations(PARTS.get(name) ?? []),
    name,
  ]),
);

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
   * Unpacks the chain of a slot descriptor.
   *
   * @param packed The u64 as stored.
   * @returns The chain.
   * @throws {PspfError} `format/bad-operations` when it has a hole or an
   * operation that is not known.
   *
   * @example Decode a descriptor's field
   * ```ts
   * import { OperationChain } from "@flavor/pspf/format";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(OperationChain.decode(0x1b01n).toString(), "tar.zst");
   * ```
   */
  static decode(packed: bigint): OperationChain {
    const chain = new OperationChain();
    for (const code of unpackOperations(packed)) {
      if (!isOperationCode(code)) throw unknownCode(code);
      chain.add(code);
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
   *
   * @example Three spellings of one chain
   * ```ts
   * import { OperationChain } from "@flavor/pspf/format";
   * import { assertEquals } from "@std/assert";
   *
   * for (const text of ["tgz", "TAR|GZIP", "tar,gzip"]) {
   *   assertEquals(OperationChain.parse(text).encode(), 0x1001n);
   * }
   * ```
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
   *
   * @example Append
   * ```ts
   * import { Operation, OperationChain } from "@flavor/pspf/format";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals([...new OperationChain().add(Operation.ZSTD)], [0x1b]);
   * ```
   */
  add(code: OperationCode): this {
    if (!isOperationCode(code)) throw unknownCode(code);
    packOperations([...this.#codes, code]);
    this.#codes.push(code);
    return this;
  }

  /**
   * Packs the chain for a slot descriptor.
   *
   * @returns The u64 to store.
   *
   * @example No operation at all
   * ```ts
   * import { OperationChain } from "@flavor/pspf/format";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(new OperationChain().encode(), 0n);
   * ```
   */
  encode(): bigint {
    return packOperations(this.#codes);
  }

  /**
   * Names the chain the way `inspect` shows it.
   *
   * @returns `raw`, one name, a dotted pair like `tar.gz`, or names joined by
   * `|`; {@linkcode OperationChain.parse} reads all of them.
   */
  toString(): string {
    if (this.#codes.length === 0) return "raw";
    return CHAIN_NAMES.get(this.encode()) ??
      this.#codes.map(operationName).join("|");
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
