import { equals } from "@std/bytes/equals";
import { encodeHex } from "@std/encoding/hex";
import { basename, join } from "@std/path";
import type { BlockJob, EncodedBlock } from "../compress/compress_block.ts";
import type { BlockCache, BlockCacheEntry } from "../compress/encode_blocks.ts";
import { codecVersion } from "../compress/codec_version.ts";
import { createSha256, sha256 } from "../crypto/sha256.ts";
import { isPspfError, PspfError } from "../errors.ts";
import { FRAME_DIGEST_SIZE } from "../format/frames.ts";
import { formatPermissions } from "../format/slot_words.ts";
import type { Host } from "../host/types.ts";

/** Where compressed blocks are kept from one build to the next. */
export interface BlockCacheChoice {
  /** A directory of your own; created where it is missing. */
  readonly directory: string;
  /**
   * Most bytes to keep; what was used longest ago goes first.
   *
   * @default {4294967296}
   */
  readonly maxSize?: number | undefined;
}

/** What a block cache needs of the machine. */
export type BlockCacheHost = Pick<
  Host,
  "reader" | "writer" | "clock" | "machine"
>;

const DEFAULT_MAX_SIZE = 4 * 1024 * 1024 * 1024;

/** Part of the name, so that another layout lives beside this one. */
const ENTRIES = "blocks-1";
/** Changes when flavor's own part of an encoding does. */
const ENCODING_VERSION = 1;
const DIGEST_SIZE = 32;
/** Larger blocks exist only in slots above 64 GiB. */
const MAX_ENTRY_SIZE = 256 * 1024 * 1024;
const NAME_REGEXP = /^[0-9a-f]{64}$/;
const LEFTOVER_REGEXP = /^\..*\.flavor-tmp$/;
/** No build takes so long that its unfinished entry is this old. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;
const CACHEDIR_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n" +
  "# Compressed blocks of packages. It can be removed at any time.\n";

/**
 * Compressed blocks on the disk. Entries are named by everything that decides
 * their bytes, so one that is there is right, and builds can share a directory:
 * an entry appears whole or not at all, and two builds that write the same one
 * write the same bytes. An entry is the stored bytes, and a digest of them and
 * of its name.
 *
 * @internal
 */
export class BuildBlockCache implements BlockCache {
  readonly #directory: string;
  readonly #host: BlockCacheHost;
  readonly #maxSize: number;
  readonly #warn: (message: string) => void;
  #looks = 0;
  #hits = 0;
  /** A full cache is no reason not to build; it is not tried again. */
  #isWritable = true;

  constructor(
    choice: BlockCacheChoice,
    host: BlockCacheHost,
    warn: (message: string) => void,
  ) {
    this.#directory = join(host.reader.absolute(choice.directory), ENTRIES);
    this.#host = host;
    this.#maxSize = choice.maxSize ?? DEFAULT_MAX_SIZE;
    this.#warn = warn;
  }

  /** Tells later whether everything that was looked for since was there. */
  observe(): { allFound(): boolean } {
    const [looks, hits] = [this.#looks, this.#hits];
    return {
      allFound: () =>
        this.#looks > looks && this.#looks - looks === this.#hits - hits,
    };
  }

  async look(job: BlockJob): Promise<BlockCacheEntry> {
    const name = encodeHex(await keyOf(job));
    const path = join(this.#directory, name.slice(0, 2), name);
    this.#looks++;
    const block = await this.#read(path, job);
    if (block !== undefined) this.#hits++;
    return { block, keep: (encoded) => this.#write(path, encoded) };
  }

  async #read(
    path: string,
    { input }: BlockJob,
  ): Promise<EncodedBlock | undefined> {
    const { reader, writer } = this.#host;
    try {
      const entry = await reader.readBytes(path, MAX_ENTRY_SIZE);
      const output = entry.subarray(0, -DIGEST_SIZE);
      const digest = await sha256(output);
      if (equals(await sealOf(path, digest), entry.subarray(-DIGEST_SIZE))) {
        await writer.touch(path);
        return { output, digest: digest.slice(0, FRAME_DIGEST_SIZE), input };
      }
      this.#warn(`the cache has a damaged entry, which was removed: ${path}`);
      await writer.remove(path);
    } catch (error) {
      // Not there, removed by another build just now, or not readable.
      if (!isPspfError(error)) throw error;
    }
    return undefined;
  }

  async #write(path: string, { output }: EncodedBlock): Promise<void> {
    if (!this.#isWritable) return;
    const { writer } = this.#host;
    try {
      await writer.makeDirectory(join(path, ".."), 0o700);
      await using sink = await writer.createSink(path, {
        mode: 0o600,
        replace: true,
      });
      await sink.write(output);
      await sink.write(await sealOf(path, await sha256(output)));
      await sink.commit();
    } catch (error) {
      if (!isPspfError(error)) throw error;
      this.#isWritable = false;
      this.#warn(`the cache was not filled: ${error.message}`);
    }
  }

  /**
   * Removes what was used longest ago, until the rest fits, and what killed
   * builds left behind.
   */
  async trim(): Promise<void> {
    try {
      await this.#trim();
    } catch (error) {
      // The package is built; a cache that cannot be tidied changes nothing.
      if (!isPspfError(error)) throw error;
      this.#warn(`the cache was not trimmed: ${error.message}`);
    }
  }

  async #trim(): Promise<void> {
    const { reader, writer, clock } = this.#host;
    const entries: { path: string; size: number; usedMs: number }[] = [];
    for (const part of await reader.list(this.#directory)) {
      const directory = join(this.#directory, part);
      for (const name of await reader.list(directory)) {
        const path = join(directory, name);
        const facts = await reader.linkFacts(path);
        if (facts?.kind !== "file") continue;
        const { size, modifiedMs: usedMs } = facts;
        if (NAME_REGEXP.test(name)) entries.push({ path, size, usedMs });
        else if (
          LEFTOVER_REGEXP.test(name) &&
          clock.now() - usedMs > LEFTOVER_AGE_MS
        ) await writer.remove(path);
      }
    }
    let total = entries.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
      if (total <= this.#maxSize) return;
      await writer.remove(path);
      total -= size;
    }
  }
}

/** Ends an entry, so that one which got another's name is not used. */
async function sealOf(path: string, digest: Uint8Array): Promise<Uint8Array> {
  return await sha256(
    new Uint8Array([
      ...new TextEncoder().encode(basename(path)),
      ...digest,
    ]),
  );
}

/** SHA-256 of everything that decides the bytes of an encoded block. */
async function keyOf(
  { kind, level, last, input }: BlockJob,
): Promise<Uint8Array> {
  const text = [
    `flavor block ${ENCODING_VERSION}`,
    codecVersion(),
    `${kind} ${level}${kind === "deflate" && last ? " last" : ""}`,
    "",
  ].join("\n");
  const hash = createSha256();
  await hash.update(new TextEncoder().encode(text));
  await hash.update(input);
  return await hash.digest();
}

/** Opens a block cache, and creates its directory where it is missing. */
export async function openBlockCache(
  choice: BlockCacheChoice,
  host: BlockCacheHost,
  warn: (message: string) => void,
): Promise<BuildBlockCache> {
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
  return new BuildBlockCache(choice, host, warn);
}

async function checkOwn(
  path: string,
  { reader, machine }: BlockCacheHost,
): Promise<void> {
  const { mode = 0, owner } = await reader.facts(path) ?? {};
  const isOpen = (mode & 0o022) !== 0;
  const isForeign = owner !== undefined && machine.user !== undefined &&
    owner !== machine.user;
  if (!isOpen && !isForeign) return;
  throw new PspfError(
    "cache/insecure",
    isOpen
      ? `The cache "${path}" can be changed by others: its mode is ${
        formatPermissions(mode)
      }`
      : `The cache "${path}" belongs to user ${owner}`,
    {
      context: { path, mode, owner: owner ?? null },
      hint:
        "Its content goes into packages that you sign; use a directory that belongs to you alone, with mode 0700",
    },
  );
}
