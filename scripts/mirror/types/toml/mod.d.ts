export * from "./parse.d.ts";
export * from "./stringify.d.ts";
