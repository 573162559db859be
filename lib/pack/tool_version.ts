/** Name of the builder in the metadata. */
export const TOOL_NAME = "flavor";

/** Version of the builder in the metadata; a test compares it with deno.json. */
export const TOOL_VERSION = "0.1.0";
