import { decodeBase64 } from "@std/encoding/base64";
import { PspfError } from "../errors.ts";
import type { OutputLimit } from "./output_limit.ts";

/** What the module decodes, by its number; it encodes the first two. */
const NUMBERS = { xz: 0, bzip2: 1, zstd: 2 } as const;

/** Largest window or dictionary in bytes: as in the launcher. */
const MAX_WINDOW = 64 * 1024 * 1024;

/** Input is handed over in pieces of this size. */
const PIECE_SIZE = 256 * 1024;

/** What `native/crates/pspf-codecs` exports; it imports nothing. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  open(compression: number, maxWindow: number): number;
  reserve(bytes: number): number;
  push(): void;
  pull(): number;
  encode(compression: number, level: number): number;
  output(): number;
  message(): number;
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** Compiles the module, once; who needs none of its codecs loads none of it. */
async function instantiate(): Promise<Exports> {
  compiled ??= (async () => {
    const { CODECS_WASM } = await import("./codecs_wasm.ts");
    const packed = new Blob([decodeBase64(CODECS_WASM)]).stream();
    const plain = packed.pipeThrough(new DecompressionStream("gzip"));
    return await WebAssembly.compile(await new Response(plain).arrayBuffer());
  })();
  const instance = await WebAssembly.instantiate(await compiled, {});
  return instance.exports as unknown as Exports;
}

/**
 * Decodes a stream in WebAssembly, in an instance of its own: whatever hostile
 * input does to it ends with the stream.
 */
export async function* decodeInWasm(
  kind: keyof typeof NUMBERS,
  input: AsyncIterable<Uint8Array>,
  limit: OutputLimit,
): AsyncGenerator<Uint8Array, void, undefined> {
  const wasm = await instantiate();
  const run = (step: () => number): number => {
    try {
      const result = step();
      if (result >= 0) return result;
      throw describe(kind, result, readOutput(wasm, wasm.message()), limit);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      throw limit.corrupt("its decoder gave up", limit.inputOffset, error);
    }
  };
  function* pull(): Generator<Uint8Array> {
    for (let length = run(wasm.pull); length > 0; length = run(wasm.pull)) {
      limit.addOutput(length);
      yield readOutput(wasm, length);
    }
  }
  run(() => wasm.open(NUMBERS[kind], MAX_WINDOW));
  for await (const chunk of input) {
    for (let at = 0; at < chunk.length; at += PIECE_SIZE) {
      const piece = chunk.subarray(at, at + PIECE_SIZE);
      writeInput(wasm, piece);
      limit.addInput(piece.length);
      yield* pull();
    }
  }
  // Nothing more is the end.
  writeInput(wasm, new Uint8Array());
  yield* pull();
}

function describe(
  kind: string,
  code: number,
  message: Uint8Array,
  limit: OutputLimit,
): PspfError {
  const { name, inputOffset } = limit;
  const what = new TextDecoder().decode(message);
  if (code === -1) return limit.corrupt(what, inputOffset);
  return code === -2
    ? new PspfError(
      "compress/too-large",
      `Cannot decompress ${name}: its ${kind} data needs more than ${MAX_WINDOW} bytes of memory`,
      {
        context: { name, limit: MAX_WINDOW },
        hint: "Compress it with a window or dictionary of at most 64 MiB",
      },
    )
    : new PspfError(
      "compress/unsupported",
      `Cannot decompress ${name}: ${what}`,
      { context: { name }, hint: `Compress it with the usual ${kind} options` },
    );
}

function writeInput(wasm: Exports, bytes: Uint8Array): void {
  // Making room may move the memory.
  const at = wasm.reserve(bytes.length);
  new Uint8Array(wasm.memory.buffer).set(bytes, at);
  wasm.push();
}

function readOutput(
  wasm: Exports,
  length: number,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    wasm.memory.buffer as ArrayBuffer,
    wasm.output(),
    length,
  ).slice();
}

let encoder: Exports | undefined;

/** Makes {@linkcode encodeInWasm} ready: it cannot wait. */
export async function prepareEncoder(): Promise<void> {
  encoder ??= await instantiate();
}

/** Encodes a block as one complete stream. */
export function encodeInWasm(
  kind: "xz" | "bzip2",
  input: Uint8Array,
  level: number,
): Uint8Array<ArrayBuffer> {
  if (encoder === undefined) throw new Error("the encoder is not prepared");
  writeInput(encoder, input);
  const length = encoder.encode(NUMBERS[kind], level);
  if (length < 0) {
    const message = readOutput(encoder, encoder.message());
    throw new Error(new TextDecoder().decode(message));
  }
  return readOutput(encoder, length);
}
