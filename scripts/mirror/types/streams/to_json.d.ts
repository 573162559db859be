export declare function toJson(stream: ReadableStream): Promise<unknown>;
