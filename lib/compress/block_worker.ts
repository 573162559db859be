import {
  type BlockJob,
  compressBlock,
  type EncodedBlock,
} from "./compress_block.ts";

/** What a worker answers. */
export type BlockReply =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly block: EncodedBlock }
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
    const block = compressBlock(data);
    const memory = new Set([block.output.buffer, block.input.buffer]);
    scope.postMessage({ kind: "done", block }, [...memory]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "failed", message });
  }
};
scope.postMessage({ kind: "ready" });
