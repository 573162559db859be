/** The built-in modules of Node.js that are used where a runtime has them. */
interface Builtins {
  readonly "node:crypto": typeof import("node:crypto");
  readonly "node:fs": typeof import("node:fs");
  readonly "node:os": typeof import("node:os");
  readonly "node:zlib": typeof import("node:zlib");
}

/**
 * Asks the runtime for a built-in module instead of importing it: what reads
 * packages runs in browsers, too, and bundles for them neither contain nor miss
 * such a module.
 */
export function nodeBuiltin<Name extends keyof Builtins>(
  name: Name,
): Builtins[Name] | undefined {
  const { process } = globalThis as {
    readonly process?: {
      getBuiltinModule?(name: Name): Builtins[Name] | undefined;
    };
  };
  return process?.getBuiltinModule?.(name);
}

/**
 * Views a `Buffer` as what it says it is: its `slice()` gives a view where
 * everybody expects a copy.
 */
export function plainBytes(
  { buffer, byteOffset, byteLength }: Uint8Array,
): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Lets others have their turn. A timer would wait for whole milliseconds. */
export function takeTurn(): Promise<void> {
  const { setImmediate = setTimeout } = globalThis as {
    readonly setImmediate?: (resume: () => void) => unknown;
  };
  return new Promise((resolve) => void setImmediate(() => resolve()));
}
