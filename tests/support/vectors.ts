/** The shared golden files of `tests/vectors`. */

/** Reads one golden package. */
export function readVector(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(`../vectors/${name}`, import.meta.url));
}
