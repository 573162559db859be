import { equals } from "@std/bytes/equals";
import { encodeHex } from "@std/encoding/hex";
import { getCodec } from "../compress/codec.ts";
import { verify } from "../crypto/ed25519.ts";
import { sha256 } from "../crypto/sha256.ts";
import { isPspfError, PspfError } from "../errors.ts";
import { MAX_METADATA_SIZE } from "../format/constants.ts";
import type { PackageMetadata } from "../format/metadata.ts";
import { Operation } from "../format/operations.ts";
import { parseMetadata } from "../format/metadata_document.ts";
import { collectBytes } from "../io/collect_bytes.ts";
import { streamFrom } from "../io/stream_from.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "../io/random_access_source.ts";
import type { CheckLog } from "./check_log.ts";
import { digestError } from "./check_trust.ts";
import type { PackageIndex } from "./read_index.ts";

/** The metadata of a package, read and checked. */
export interface ReadMetadata {
  /** The document exactly as signed, in UTF-8. */
  readonly json: Uint8Array;
  /** Its content. */
  readonly metadata: PackageMetadata;
}

/**
 * Reads the metadata: digest, decompression, signature, document, in this
 * order.
 */
export async function readMetadata(
  source: RandomAccessSource,
  index: PackageIndex,
  log: CheckLog,
  options: ReadOptions,
): Promise<ReadMetadata> {
  const { fields, metadata: { offset, size } } = index;
  const stored = await source.read(offset, size, options);
  await log.proof(
    "metadata-digest",
    "The metadata is what the index block names",
    async () => {
      const actual = await sha256(stored);
      if (!equals(actual, fields.metadataDigest)) {
        throw digestError(
          "verify/metadata-digest",
          "metadata",
          actual,
          fields.metadataDigest,
        );
      }
    },
  );
  const json = await log.structure(
    "metadata-encoding",
    "The metadata can be decompressed",
    () => decompress(stored, offset),
  );
  await log.proof(
    "signature",
    "The metadata's signature verifies",
    async () => {
      if (await verify(fields.publicKey, fields.signature, json)) return;
      throw new PspfError(
        "verify/signature",
        "Cannot verify the metadata: its signature is wrong",
        {
          context: { public_key: encodeHex(fields.publicKey) },
          hint: "The package was changed after it was built; do not run it",
        },
      );
    },
  );
  const metadata = await log.structure(
    "metadata",
    "The metadata document is well formed",
    () => parseMetadata(json),
  );
  return { json, metadata };
}

async function decompress(
  stored: Uint8Array,
  offset: number,
): Promise<Uint8Array> {
  const gzip = getCodec(Operation.GZIP);
  const limits = { maxSize: MAX_METADATA_SIZE, name: "the metadata" };
  const plain = streamFrom([stored].values()).pipeThrough(gzip.decode(limits));
  try {
    return await collectBytes(plain, {
      maxSize: MAX_METADATA_SIZE,
      what: "metadata",
      code: "format/too-large",
    });
  } catch (error) {
    if (isPspfError(error, "compress/too-large")) {
      throw new PspfError("format/too-large", error.message, {
        context: { offset, expected: MAX_METADATA_SIZE },
        cause: error,
      });
    }
    if (isPspfError(error, "compress/corrupt")) {
      throw new PspfError("format/bad-metadata", error.message, {
        context: { offset, size: stored.length },
        cause: error,
      });
    }
    throw error;
  }
}
