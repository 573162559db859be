export declare class ByteSliceStream
  extends TransformStream<Uint8Array, Uint8Array> {
  /** Both ends are inclusive. */
  constructor(start?: number, end?: number);
}
