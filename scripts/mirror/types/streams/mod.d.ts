export * from "./byte_slice_stream.d.ts";
export * from "./concat_readable_streams.d.ts";
export * from "./limited_bytes_transform_stream.d.ts";
export * from "./text_line_stream.d.ts";
export * from "./to_array_buffer.d.ts";
export * from "./to_bytes.d.ts";
export * from "./to_json.d.ts";
export * from "./to_text.d.ts";
