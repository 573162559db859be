import {
  type BlockJob,
  compressBlock,
  type EncodedBlock,
  prepareKind,
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

async function work(job: BlockJob): Promise<void> {
  try {
    await prepareKind(job.kind);
    const block = compressBlock(job);
    const memory = new Set([block.output.buffer, block.input.buffer]);
    scope.postMessage({ kind: "done", block }, [...memory]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "failed", message });
  }
}

// Replies have no names: they come in the order of the jobs.
let last = Promise.resolve();
scope.onmessage = ({ data }): void => {
  last = last.then(() => work(data));
};
scope.postMessage({ kind: "ready" });
