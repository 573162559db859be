import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { isPspfError, PspfError } from "../errors.ts";
import { formatPermissions } from "../format/permissions.ts";
import type { Clock, FileReader, FileWriter } from "../host/types.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import {
  encodeSlotCacheFooter,
  parseSlotCacheFooter,
  SLOT_CACHE_FOOTER_SIZE,
  type SlotCacheFooter,
} from "./slot_cache_entry.ts";

/** Where compressed slots are kept from one build to the next. */
export interface SlotCacheChoice {
  /** A directory of your own; created where it is missing. */
  readonly directory: string;
  /**
   * Most bytes to keep; what was used longest ago goes first.
   *
   * @default {4294967296}
   */
  readonly maxSize?: number;
}

/** What a slot cache needs of the machine. */
export interface SlotCacheHost {
  /** Reads entries. */
  readonly reader: FileReader;
  /** Writes entries. */
  readonly writer: FileWriter;
  /** Tells what a killed build left behind. */
  readonly clock: Pick<Clock, "now">;
  /** Numeric user; `undefined` where the system has none. */
  readonly user: number | undefined;
}

/** An entry that was found; its bytes are still to be compared with its digest. */
export interface SlotCacheHit extends SlotCacheFooter, AsyncDisposable {
  /** The stored bytes, and the footer behind them. */
  readonly source: RandomAccessSource;
}

/** An entry that is being written. */
export interface SlotCacheDraft extends AsyncDisposable {
  /**
   * Appends stored bytes.
   *
   * @param chunk The bytes.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes the entry visible, whole.
   *
   * @param facts What it holds.
   */
  commit(facts: Omit<SlotCacheFooter, "key">): Promise<void>;
}

const DEFAULT_MAX_SIZE = 4 * 1024 * 1024 * 1024;

/** Part of the name, so that another layout lives beside this one. */
const ENTRIES = "slots-1";
const NAME_REGEXP = /^[0-9a-f]{64}$/;
const LEFTOVER_REGEXP = /^\..*\.flavor-tmp$/;
/** No build takes so long that its unfinished entry is this old. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;
const CACHEDIR_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n" +
  "# Compressed slots of packages. It can be removed at any time.\n";

/**
 * Compressed slots on the disk. Entries are named by everything that decides
 * their bytes, so one that is there is right, and builds can share a directory:
 * an entry appears whole or not at all, and two builds that write the same one
 * write the same bytes.
 */
export class SlotCache {
  readonly #directory: string;
  readonly #host: SlotCacheHost;
  readonly #maxSize: number;

  /**
   * Names a cache whose directory is there; see {@linkcode openSlotCache}.
   *
   * @param choice Where, and how much.
   * @param host The machine.
   */
  constructor(choice: SlotCacheChoice, host: SlotCacheHost) {
    this.#directory = join(host.reader.absolute(choice.directory), ENTRIES);
    this.#host = host;
    this.#maxSize = choice.maxSize ?? DEFAULT_MAX_SIZE;
  }

  /**
   * Looks for an entry, and remembers that it was used.
   *
   * @param key SHA-256 of everything that decides its bytes.
   * @returns The entry, or `undefined` where there is none that can be read.
   */
  async find(key: Uint8Array): Promise<SlotCacheHit | undefined> {
    const path = this.#pathOf(key);
    await using resources = new AsyncDisposableStack();
    let footer: SlotCacheFooter | undefined;
    let source: RandomAccessSource;
    try {
      source = resources.use(await this.#host.reader.openSource(path));
      if (source.size < SLOT_CACHE_FOOTER_SIZE) return undefined;
      const at = source.size - SLOT_CACHE_FOOTER_SIZE;
      const bytes = await source.read(at, SLOT_CACHE_FOOTER_SIZE);
      footer = await parseSlotCacheFooter(bytes, key, source.size);
      if (footer !== undefined) await this.#host.writer.touch(path);
    } catch (error) {
      // Not there, removed by another build just now, or not readable.
      if (isPspfError(error)) return undefined;
      throw error;
    }
    if (footer === undefined) return undefined;
    const kept = resources.move();
    return {
      ...footer,
      source,
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  }

  /**
   * Starts an entry.
   *
   * @param key SHA-256 of everything that decides its bytes.
   * @returns The entry; disposing it without a commit leaves no trace.
   * @throws {PspfError} `io/*`
   */
  async create(key: Uint8Array): Promise<SlotCacheDraft> {
    const sink = await this.#host.writer.createSink(this.#pathOf(key), {
      mode: 0o600,
      replace: true,
    });
    return {
      write: (chunk) => sink.write(chunk),
      commit: async (facts) => {
        await sink.write(await encodeSlotCacheFooter({ ...facts, key }));
        await sink.commit();
      },
      [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
    };
  }

  /**
   * Removes an entry that turned out to be damaged.
   *
   * @param key What it is called.
   */
  async remove(key: Uint8Array): Promise<void> {
    await this.#host.writer.remove(this.#pathOf(key));
  }

  /**
   * Removes what was used longest ago, until the rest fits, and what killed
   * builds left behind.
   */
  async trim(): Promise<void> {
    const { reader, writer, clock } = this.#host;
    const entries: { path: string; size: number; usedMs: number }[] = [];
    for (const name of await reader.list(this.#directory)) {
      const path = join(this.#directory, name);
      const facts = await reader.linkFacts(path);
      if (facts?.kind !== "file") continue;
      const { size, modifiedMs } = facts;
      if (NAME_REGEXP.test(name)) {
        entries.push({ path, size, usedMs: modifiedMs });
      } else if (
        LEFTOVER_REGEXP.test(name) &&
        clock.now() - modifiedMs > LEFTOVER_AGE_MS
      ) await writer.remove(path);
    }
    let total = entries.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
      if (total <= this.#maxSize) return;
      await writer.remove(path);
      total -= size;
    }
  }

  #pathOf(key: Uint8Array): string {
    return join(this.#directory, encodeHex(key));
  }
}

/**
 * Opens a slot cache, and creates its directory where it is missing.
 *
 * @param choice Where, and how much.
 * @param host The machine.
 * @returns The cache.
 * @throws {PspfError} `cache/insecure` for a directory that others can write
 * to, since what lies there goes into signed packages; `io/*`
 *
 * @example Look for what is not there
 * ```ts
 * import { loadDefaultHost, openSlotCache } from "@flavor/pspf/pack";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * const cache = await openSlotCache({ directory }, await loadDefaultHost());
 * assertEquals(await cache.find(new Uint8Array(32)), undefined);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function openSlotCache(
  choice: SlotCacheChoice,
  host: SlotCacheHost,
): Promise<SlotCache> {
  const { reader, writer } = host;
  const root = reader.absolute(choice.directory);
  const entries = join(root, ENTRIES);
  await writer.makeDirectory(entries, 0o700);
  for (const path of [root, entries]) await checkOwn(path, host);
  const tag = join(root, "CACHEDIR.TAG");
  if (await reader.linkFacts(tag) === undefined) {
    await using sink = await writer.createSink(tag, { replace: true });
    await sink.write(new TextEncoder().encode(CACHEDIR_TAG));
    await sink.commit();
  }
  return new SlotCache(choice, host);
}

async function checkOwn(path: string, host: SlotCacheHost): Promise<void> {
  const facts = await host.reader.facts(path);
  const { mode = 0, owner } = facts ?? {};
  const isOpen = (mode & 0o022) !== 0;
  const isForeign = owner !== undefined && host.user !== undefined &&
    owner !== host.user;
  if (!isOpen && !isForeign) return;
  throw new PspfError(
    "cache/insecure",
    isOpen
      ? `The slot cache "${path}" can be changed by others: its mode is ${
        formatPermissions(mode)
      }`
      : `The slot cache "${path}" belongs to user ${owner}`,
    {
      context: { path, mode, ...(owner === undefined ? {} : { owner }) },
      hint:
        "What lies there goes into packages that you sign; use a directory of your own, with mode 0700",
    },
  );
}
