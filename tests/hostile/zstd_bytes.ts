/**
 * Writes zstd frames block by block, so that the header can say anything.
 *
 * @module
 */

import { Buffer } from "node:buffer";

const FRAME_MAGIC = Buffer.from("28b52ffd", "hex");
const BLOCK_SIZE_MAX = 128 * 1024;

/** What a frame header says. */
export interface ZstdFrame {
  /** The blocks; the last one has to say so. */
  readonly blocks: readonly Uint8Array[];
  /** Window descriptor byte: `(log2(window) - 10) << 3`. Default: 8 MiB. */
  readonly window?: number;
  /** Frame header descriptor without the single-segment flag. Default: 0. */
  readonly descriptor?: number;
  /** Bytes after the window descriptor: dictionary id and content size. */
  readonly fields?: Uint8Array;
}

/** One frame. */
export function zstdFrame(frame: ZstdFrame): Buffer {
  const header = Buffer.from([frame.descriptor ?? 0, frame.window ?? 13 << 3]);
  const fields = frame.fields ?? Buffer.alloc(0);
  return Buffer.concat([FRAME_MAGIC, header, fields, ...frame.blocks]);
}

/** A block that is stored as it is. */
export function rawBlock(content: Uint8Array, last: boolean): Buffer {
  return Buffer.concat([blockHeader(content.length, 0, last), content]);
}

/** Four bytes that stand for `length` zeros. */
export function zeroBlock(length: number, last: boolean): Buffer {
  return Buffer.concat([blockHeader(length, 1, last), Buffer.alloc(1)]);
}

/** A frame that stands for `size` zeros at 1/32768 of that size. */
export function zeroFrame(size: number): Buffer {
  const blocks: Buffer[] = [];
  for (let rest = size; rest > 0; rest -= BLOCK_SIZE_MAX) {
    blocks.push(
      zeroBlock(Math.min(rest, BLOCK_SIZE_MAX), rest <= BLOCK_SIZE_MAX),
    );
  }
  return zstdFrame({ blocks });
}

function blockHeader(size: number, type: number, last: boolean): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (type << 1) | (last ? 1 : 0), 0, 3);
  return header;
}
