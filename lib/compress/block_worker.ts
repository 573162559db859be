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

/**
 * What this module uses of a worker's global scope. The types of one cannot be
 * asked for here: that would change those of everybody who imports the package.
 */
interface WorkerScope {
  onmessage: (event: MessageEvent<BlockJob>) => void;
  postMessage(message: BlockReply, transfer?: readonly ArrayBuffer[]): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data }): void => {
  try {
    const output = compressBlock(data);
    const reply: BlockReply = { kind: "done", output, input: data.input };
    scope.postMessage(reply, [output.buffer, data.input.buffer]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "failed", message });
  }
};
scope.postMessage({ kind: "ready" });
