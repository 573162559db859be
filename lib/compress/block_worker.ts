/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { type BlockJob, compressBlock } from "./compress_block.ts";

/** What a worker answers: the result, and the input buffer for reuse. */
export type BlockReply =
  | { readonly kind: "ready" }
  | {
    readonly kind: "done";
    readonly output: Uint8Array<ArrayBuffer>;
    readonly input: Uint8Array<ArrayBuffer>;
  }
  | { readonly kind: "failed"; readonly message: string };

self.onmessage = ({ data }: MessageEvent<BlockJob>): void => {
  try {
    const output = compressBlock(data);
    const reply: BlockReply = { kind: "done", output, input: data.input };
    self.postMessage(reply, [output.buffer, data.input.buffer]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    self.postMessage({ kind: "failed", message } satisfies BlockReply);
  }
};
self.postMessage({ kind: "ready" } satisfies BlockReply);
