export interface LimitedBytesTransformStreamOptions {
  /** Throws a RangeError instead of ending the stream when the limit is passed. */
  error?: boolean;
}

export declare class LimitedBytesTransformStream
  extends TransformStream<Uint8Array, Uint8Array> {
  constructor(size: number, options?: LimitedBytesTransformStreamOptions);
}
