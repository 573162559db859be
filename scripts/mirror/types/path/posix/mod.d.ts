export * from "../mod.d.ts";
