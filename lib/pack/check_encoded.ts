import { getCodec, isCompression } from "../compress/get_codec.ts";
import { PspfError } from "../errors.ts";
import { Operation, type OperationCode } from "../format/operation.ts";
import { detectEncoding, DETECTION_SIZE } from "./detect_encoding.ts";

/**
 * Passes on bytes that are encoded already, and decodes them on the way: a
 * file that only begins like its label says would fail at every start.
 *
 * @param stored The encoded bytes.
 * @param codes The chain that they are labelled with.
 * @param name What to call the file in messages.
 * @param onPlain Sees the length of every decoded chunk.
 * @returns The same bytes.
 * @throws {PspfError} `compress/corrupt`, `compress/unsupported`, and
 * `build/failed` when there is no archive inside of an archive's label
 */
export async function* checkEncoded(
  stored: AsyncIterable<Uint8Array>,
  codes: readonly OperationCode[],
  name: string,
  onPlain: (length: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  // The file is the user's own, and nothing of it is kept: no limit is needed.
  const limits = { name, maxSize: Number.MAX_SAFE_INTEGER };
  const plain = codes.filter(isCompression).reduceRight(
    (stream, code) => stream.pipeThrough(getCodec(code).decode(limits)),
    readable,
  );
  const checked = drain(plain, codes[0] === Operation.TAR, name, onPlain);
  // Met below, after the last byte or when a write fails because of it.
  checked.catch(() => {});
  const writer = writable.getWriter();
  try {
    for await (const chunk of stored) {
      await writer.write(chunk);
      yield chunk;
    }
    await writer.close();
  } catch (error) {
    // A failed decoder only closes its input; the reason is with its output.
    await writer.abort(error).catch(() => {});
    await checked;
    throw error;
  } finally {
    await writer.abort().catch(() => {});
  }
  await checked;
}

async function drain(
  plain: ReadableStream<Uint8Array>,
  isArchive: boolean,
  name: string,
  onPlain: (length: number) => void,
): Promise<void> {
  const head = new Uint8Array(DETECTION_SIZE);
  let filled = 0;
  for await (const chunk of plain) {
    onPlain(chunk.length);
    if (filled === DETECTION_SIZE) continue;
    const part = chunk.subarray(0, DETECTION_SIZE - filled);
    head.set(part, filled);
    filled += part.length;
  }
  if (!isArchive || detectEncoding(head).isTar) return;
  throw new PspfError(
    "build/failed",
    `Cannot pack "${name}": it is labelled as an archive, but there is no tar inside`,
    {
      context: { file: name },
      hint: "Use an operation without tar, or give a real archive",
    },
  );
}
