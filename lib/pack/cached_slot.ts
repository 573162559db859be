import { equals } from "@std/bytes/equals";
import { createSha256 } from "../crypto/sha256.ts";
import { isPspfError } from "../errors.ts";
import {
  type EncodedSlot,
  encodeSlot,
  type EncodeSlotOptions,
  openPlain,
} from "./encode_slot.ts";
import type { OpenedSlot } from "./opened_slot.ts";
import type { SlotCache, SlotCacheDraft } from "./slot_cache.ts";
import { digestPlain, slotCacheKey } from "./slot_cache_key.ts";
import type { SpoolTape, StoredBytes } from "./spool_tape.ts";

/** A slot that was packed with the help of a cache. */
export interface CachedSlot {
  /** Where its bytes are. */
  readonly stored: StoredBytes;
  /** Length without compression in bytes. */
  readonly originalSize: number;
  /** Whether the bytes came out of the cache. */
  readonly isHit: boolean;
}

/** What packing through a cache needs. */
export interface CachedSlotOptions {
  /** The cache. */
  readonly cache: SlotCache;
  /** Takes the stored bytes. */
  readonly tape: SpoolTape;
  /** How slots are encoded. */
  readonly encoding: EncodeSlotOptions;
  /** Takes what went wrong with the cache, but not with the build. */
  readonly warn: (message: string) => void;
}

/**
 * Packs a slot, and compresses it only when the cache does not have it. The
 * source is read twice where it is not there; hashing is several times faster
 * than compression, and a source that was just read is in memory.
 *
 * @param slot The slot.
 * @param options Cache, spool and encoding.
 * @returns The packed slot, or `undefined` for one that is not compressed, of
 * which a cache would only hold a copy.
 * @throws {PspfError} what reading, encoding and writing throw
 */
export async function packCachedSlot(
  slot: OpenedSlot,
  options: CachedSlotOptions,
): Promise<CachedSlot | undefined> {
  const { cache, encoding } = options;
  const plain = openPlain(slot, { ...encoding, onInput: () => {} });
  if (plain === undefined || plain.codes.length === 0) return undefined;
  const plainDigest = await digestPlain(plain);
  const { level } = slot.plan;
  const key = await slotCacheKey(plainDigest, {
    codes: plain.codes,
    ...(level === undefined ? {} : { level }),
  });
  const found = await takeCached(key, options);
  if (found !== undefined) {
    encoding.onInput(slot.inputSize);
    return found;
  }
  const hash = createSha256();
  const encoded = encodeSlot(slot, {
    ...encoding,
    onPlain: (chunk) => hash.update(chunk),
  });
  await using entry = new Draft(await tryCreate(cache, key, options), options);
  const stored = await options.tape.store(encoded, {
    copy: (chunk) => entry.write(chunk),
    ...signalOf(encoding),
  });
  const originalSize = encoded.originalSize();
  // A source that changed between the two reads belongs to no key.
  if (equals(await hash.digest(), plainDigest)) {
    await entry.commit({ ...stored, originalSize });
  }
  return { stored, originalSize, isHit: false };
}

async function takeCached(
  key: Uint8Array,
  { cache, tape, encoding, warn }: CachedSlotOptions,
): Promise<CachedSlot | undefined> {
  await using hit = await cache.find(key);
  if (hit === undefined) return undefined;
  const { source, size, digest, originalSize } = hit;
  const content: Pick<EncodedSlot, "stored" | "isOwned"> = {
    stored: source.stream(0, size, signalOf(encoding)),
    isOwned: false,
  };
  try {
    const stored = await tape.store(content, signalOf(encoding));
    if (equals(stored.digest, digest)) {
      return { stored, originalSize, isHit: true };
    }
  } catch (error) {
    if (!isPspfError(error, "io/failed")) throw error;
  }
  warn(`the slot cache has a damaged entry, which was removed: ${source.name}`);
  await cache.remove(key);
  return undefined;
}

async function tryCreate(
  cache: SlotCache,
  key: Uint8Array,
  { warn }: CachedSlotOptions,
): Promise<SlotCacheDraft | undefined> {
  try {
    return await cache.create(key);
  } catch (error) {
    if (!isPspfError(error)) throw error;
    warn(`the slot cache was not filled: ${error.message}`);
    return undefined;
  }
}

/** An entry that may fail: a full cache is no reason not to build. */
class Draft implements AsyncDisposable {
  #draft: SlotCacheDraft | undefined;
  readonly #warn: CachedSlotOptions["warn"];

  constructor(
    draft: SlotCacheDraft | undefined,
    { warn }: Pick<CachedSlotOptions, "warn">,
  ) {
    this.#draft = draft;
    this.#warn = warn;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#try((draft) => draft.write(chunk));
  }

  commit(facts: Parameters<SlotCacheDraft["commit"]>[0]): Promise<void> {
    return this.#try((draft) => draft.commit(facts));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#draft?.[Symbol.asyncDispose]();
  }

  async #try(work: (draft: SlotCacheDraft) => Promise<void>): Promise<void> {
    const draft = this.#draft;
    if (draft === undefined) return;
    try {
      await work(draft);
    } catch (error) {
      if (!isPspfError(error)) throw error;
      this.#warn(`the slot cache was not filled: ${error.message}`);
      this.#draft = undefined;
      await draft[Symbol.asyncDispose]();
    }
  }
}

function signalOf(
  { signal }: Pick<EncodeSlotOptions, "signal">,
): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
