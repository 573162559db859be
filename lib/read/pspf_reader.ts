import { verify } from "../crypto/ed25519.ts";
import { PspfError } from "../errors.ts";
import type { PackageMetadata } from "../format/metadata.ts";
import type { SlotPurposeName } from "../format/slot_purpose.ts";
import { BlobSource } from "../io/blob_source.ts";
import { BytesSource } from "../io/bytes_source.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { checkContent, type ContentOptions } from "./check_content.ts";
import { CheckLog } from "./check_log.ts";
import { type ExtractOptions, extractSlot } from "./extract_slot.ts";
import {
  type OpenedPackage,
  type OpenOptions,
  openPackage,
} from "./open_package.ts";
import type { PackageSlot } from "./package_slot.ts";
import { streamSlot, type StreamSlotOptions } from "./stream_slot.ts";
import type { VerifyReport } from "./verify_package.ts";

/** A slot, by its index or by its id. */
export type SlotReference = number | string;

/**
 * An open package. Opening checks everything but the content; the content is
 * read when it is asked for, and checked while it is read.
 *
 * @example Ask for what is not there
 * ```ts
 * import { PSPFReader } from "@flavor/pspf/read";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => PSPFReader.open(new Blob(["no package"])));
 * ```
 */
export class PSPFReader implements AsyncDisposable {
  readonly #opened: OpenedPackage;

  /**
   * Takes over an open package.
   *
   * @param opened What `openPackage` returned; the reader disposes its source.
   */
  constructor(opened: OpenedPackage) {
    this.#opened = opened;
  }

  /**
   * Opens a package.
   *
   * @param source The package; disposed with the reader, or when opening fails.
   * @param options Level and trusted keys.
   * @returns The reader.
   * @throws {PspfError} The code of the first check that fails.
   */
  static async open(
    source: RandomAccessSource | Blob | Uint8Array,
    options: OpenOptions = {},
  ): Promise<PSPFReader> {
    const opened = toSource(source);
    try {
      return new PSPFReader(await openPackage(opened, options));
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Everything that opening found. */
  get package(): OpenedPackage {
    return this.#opened;
  }

  /** Whether the package carries a seal. */
  get isSealed(): boolean {
    return this.#opened.seal !== undefined;
  }

  /** The raw public key that signs the package, 32 bytes. */
  get publicKey(): Uint8Array {
    return this.#opened.index.fields.publicKey.slice();
  }

  /**
   * Gives the signed metadata.
   *
   * @returns The document.
   */
  readMetadata(): PackageMetadata {
    return this.#opened.metadata;
  }

  /**
   * Lists the slots.
   *
   * @returns The slots in table order.
   */
  readSlots(): readonly PackageSlot[] {
    return this.#opened.slots;
  }

  /**
   * Lists the slots of one purpose.
   *
   * @param purpose The word in the metadata.
   * @returns The slots in table order.
   */
  slotsByPurpose(purpose: SlotPurposeName): readonly PackageSlot[] {
    return this.#opened.slots.filter((slot) =>
      slot.metadata.purpose === purpose
    );
  }

  /**
   * Finds a slot.
   *
   * @param reference Its index, or its id.
   * @returns The slot, or `undefined` when there is none.
   */
  findSlot(reference: SlotReference): PackageSlot | undefined {
    return typeof reference === "number"
      ? this.#opened.slots[reference]
      : this.#opened.slots.find((slot) => slot.id === reference);
  }

  /**
   * Streams the content of a slot, decoded unless asked otherwise.
   *
   * @param reference Its index, or its id.
   * @param options Raw bytes, abort signal and progress.
   * @returns The bytes; nothing of them is proved before the stream has closed.
   * @throws {PspfError} `io/not-found` when there is no such slot;
   * `format/bad-operations`, `compress/unsupported`
   */
  streamSlot(
    reference: SlotReference,
    options: StreamSlotOptions = {},
  ): ReadableStream<Uint8Array> {
    return streamSlot(this.#opened, this.#slot(reference), options);
  }

  /**
   * Extracts one slot and finishes the target.
   *
   * @param reference Its index, or its id.
   * @param target Where it goes.
   * @param options Abort signal and progress.
   * @throws {PspfError} `io/not-found`, `archive/*`, `compress/*`, `verify/slot-digest`
   */
  async extractSlot(
    reference: SlotReference,
    target: ExtractTarget,
    options: ExtractOptions = {},
  ): Promise<void> {
    await extractSlot(this.#opened, this.#slot(reference), target, options);
    await target.finish();
  }

  /**
   * Extracts every slot into one target, as a launcher fills a workenv.
   *
   * @param target Where they go.
   * @param options Abort signal and progress.
   * @throws {PspfError} `archive/*`, `compress/*`, `verify/slot-digest`
   */
  async extractAll(
    target: ExtractTarget,
    options: ExtractOptions = {},
  ): Promise<void> {
    for (const slot of this.#opened.slots) {
      await extractSlot(this.#opened, slot, target, options);
    }
    await target.finish();
  }

  /**
   * Verifies the signature of the metadata, whatever the level was.
   *
   * @returns Whether it verifies.
   */
  async verifySignature(): Promise<boolean> {
    const { index: { fields }, metadataJson } = this.#opened;
    return await verify(fields.publicKey, fields.signature, metadataJson);
  }

  /**
   * Verifies the digests of the slots and of the launcher, and the padding.
   *
   * @param options Abort signal and progress.
   * @returns The verdicts.
   * @throws {PspfError} `io/*` when the package cannot be read.
   */
  async verifyChecksums(options: ContentOptions = {}): Promise<VerifyReport> {
    const log = new CheckLog("standard", "report");
    await checkContent({ ...this.#opened, level: "standard" }, log, options);
    return { valid: log.valid, checks: log.checks };
  }

  /** Releases the source. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.source[Symbol.asyncDispose]();
  }

  #slot(reference: SlotReference): PackageSlot {
    const slot = this.findSlot(reference);
    if (slot !== undefined) return slot;
    throw new PspfError(
      "io/not-found",
      `Cannot find slot "${reference}" in the package`,
      {
        context: {
          slot: reference,
          slots: this.#opened.slots.map(({ id }) => id),
        },
        hint: 'List the slots with "flavor inspect"',
      },
    );
  }
}

function toSource(
  source: RandomAccessSource | Blob | Uint8Array,
): RandomAccessSource {
  if (source instanceof Uint8Array) return new BytesSource(source);
  return source instanceof Blob ? new BlobSource(source) : source;
}
