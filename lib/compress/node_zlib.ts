/** The part of `node:zlib` that this folder uses. */
export type NodeZlib = typeof import("node:zlib");

interface RuntimeWithBuiltins {
  readonly process?: {
    readonly getBuiltinModule?: (name: string) => unknown;
  };
}

/**
 * Finds `node:zlib` without importing it: a static import would stop the read
 * side from being bundled for browsers, which have `DecompressionStream` only.
 *
 * @returns The module, or `undefined` where the runtime has none.
 */
export function findNodeZlib(): NodeZlib | undefined {
  const runtime = globalThis as RuntimeWithBuiltins;
  return runtime.process?.getBuiltinModule?.("node:zlib") as
    | NodeZlib
    | undefined;
}

/**
 * Views a `Buffer` as what it says it is: its `slice()` gives a view where
 * everybody expects a copy.
 *
 * @param buffer A result of `node:zlib`.
 * @returns The same memory.
 */
export function plainBytes(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
