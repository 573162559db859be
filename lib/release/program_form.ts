import { SEPARATOR, toFileUrl } from "@std/path";
import type { Host } from "../host/types.ts";

/**
 * How this program came here: sources (`checkout`, `jsr`), one file of
 * JavaScript (`bundle`, or `url` from another machine), one executable
 * (`packed` by flavor itself, or `compiled` by Deno).
 */
export type ProgramForm =
  | "checkout"
  | "jsr"
  | "url"
  | "bundle"
  | "packed"
  | "compiled";

/** Tells the form of the program that is running. */
export function programForm(
  { env, machine }: Pick<Host, "env" | "machine">,
): ProgramForm {
  const { url, isBundle, compiled } = machine.program;
  if (compiled !== undefined) return "compiled";
  if (!isBundle) {
    if (/\/@flavor\/pspf\//.test(url)) return "jsr";
    return url.startsWith("file:") ? "checkout" : "url";
  }
  if (!url.startsWith("file:")) return "url";
  const workenv = env.get("FLAVOR_WORKENV") ?? "";
  const isInside = workenv !== "" &&
    url.startsWith(toFileUrl(workenv + SEPARATOR).href);
  return isInside ? "packed" : "bundle";
}
