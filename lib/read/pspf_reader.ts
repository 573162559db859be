import { verify } from "../crypto/ed25519.ts";
import { PspfError } from "../errors.ts";
import type { PackageMetadata } from "../format/metadata.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import { openSource, type SourceInput } from "../io/open_source.ts";
import { checkContent, type ContentOptions } from "./check_content.ts";
import { CheckLog } from "./check_log.ts";
import {
  type OpenedPackage,
  type OpenOptions,
  openPackage,
} from "./open_package.ts";
import type { PackageSlot } from "./resolve_slots.ts";
import {
  type ExtractOptions,
  extractSlot,
  type PackageEntry,
  slotEntries,
  streamSlot,
  type StreamSlotOptions,
} from "./slot_content.ts";
import { openSlotFile, type SlotFile } from "./slot_file.ts";
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
  /** Everything that opening found. */
  readonly package: OpenedPackage;

  /**
   * Takes over an open package.
   *
   * @param opened What `openPackage` returned; the reader disposes its source.
   */
  constructor(opened: OpenedPackage) {
    this.package = opened;
  }

  /**
   * Opens a package.
   *
   * @param input The package: path, URL, bytes, blob or source. A source that
   * was given stays open when the reader is disposed.
   * @param options Level and trusted keys.
   * @returns The reader.
   * @throws {PspfError} The code of the first check that fails.
   */
  static async open(
    input: SourceInput,
    options: OpenOptions = {},
  ): Promise<PSPFReader> {
    await using stack = new AsyncDisposableStack();
    const source = stack.use(await openSource(input));
    const opened = await openPackage(source, options);
    stack.move();
    return new PSPFReader(opened);
  }

  /** The signed metadata. */
  get metadata(): PackageMetadata {
    return this.package.metadata;
  }

  /** The slots, in table order. */
  get slots(): readonly PackageSlot[] {
    return this.package.slots;
  }

  /** Whether the package carries a seal. */
  get isSealed(): boolean {
    return this.package.seal !== undefined;
  }

  /** The raw public key that signs the package, 32 bytes. */
  get publicKey(): Uint8Array {
    return this.package.index.fields.publicKey.slice();
  }

  /**
   * Finds a slot.
   *
   * @param reference Its index, or its id.
   * @returns The slot.
   * @throws {PspfError} `io/not-found` when there is no such slot
   */
  slot(reference: SlotReference): PackageSlot {
    const { slots } = this;
    const slot = typeof reference === "number"
      ? slots[reference]
      : slots.find(({ id }) => id === reference);
    if (slot !== undefined) return slot;
    throw new PspfError(
      "io/not-found",
      `Cannot find slot "${reference}" in the package`,
      {
        context: { slot: reference, slots: slots.map(({ id }) => id) },
        hint: 'List the slots with "flavor inspect"',
      },
    );
  }

  /**
   * Lists what is in a slot: the members of an archive, or the one file.
   *
   * @param reference Its index, or its id.
   * @param options Abort signal and progress.
   * @returns The entries; nothing of them is proved before the iteration is
   * over.
   * @throws {PspfError} `io/not-found`, `archive/*`, `compress/*`, `verify/slot-digest`
   */
  entries(
    reference: SlotReference,
    options: ExtractOptions = {},
  ): AsyncGenerator<PackageEntry, void, undefined> {
    return slotEntries(this.package, this.slot(reference), options);
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
    return streamSlot(this.package, this.slot(reference), options);
  }

  /**
   * Opens one file of a slot. Of a package that flavor has packed only the
   * frames are read that hold the file, and a few to find it.
   *
   * @param reference Index or id of the slot.
   * @param path Path of the file below the workenv.
   * @param options Abort signal and progress.
   * @returns Its mode, its size, and the bytes, which are not proved before the
   * stream has closed.
   * @throws {PspfError} `io/not-found` when there is no such slot or file;
   * `archive/*`, `compress/*`, `verify/slot-digest`
   */
  async openFile(
    reference: SlotReference,
    path: string,
    options: ExtractOptions = {},
  ): Promise<SlotFile> {
    return await openSlotFile(
      this.package,
      this.slot(reference),
      path,
      options,
    );
  }

  /**
   * Extracts one slot. More can follow: call `finish` of the target when all of
   * them are there.
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
    await extractSlot(this.package, this.slot(reference), target, options);
  }

  /**
   * Extracts every slot into one target, as a launcher fills a workenv, and
   * finishes it.
   *
   * @param target Where they go.
   * @param options Abort signal and progress.
   * @throws {PspfError} `archive/*`, `compress/*`, `verify/slot-digest`
   */
  async extractAll(
    target: ExtractTarget,
    options: ExtractOptions = {},
  ): Promise<void> {
    for (const slot of this.slots) {
      await extractSlot(this.package, slot, target, options);
    }
    await target.finish();
  }

  /**
   * Verifies the signature of the metadata, whatever the level was.
   *
   * @returns Whether it verifies.
   */
  async verifySignature(): Promise<boolean> {
    const { index: { fields }, metadataJson } = this.package;
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
    await checkContent({ ...this.package, level: "standard" }, log, options);
    return { valid: log.hasPassed, checks: log.checks };
  }

  /** Closes what the reader opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.package.source[Symbol.asyncDispose]();
  }
}
