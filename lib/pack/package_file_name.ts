/**
 * Names the file of a package after the application.
 *
 * @param name Name of the application, which may hold anything.
 * @returns A file name that leads nowhere else, with the suffix `.psp`.
 *
 * @example A name that is no file name
 * ```ts
 * import { packageFileName } from "@flavor/pspf/pack";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(packageFileName("My App!"), "My_App_.psp");
 * ```
 */
export function packageFileName(name: string): string {
  const safe = name.replaceAll(/[^A-Za-z0-9._-]+/g, "_").replace(/^\.+/, "");
  return `${safe === "" ? "package" : safe}.psp`;
}
