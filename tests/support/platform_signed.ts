import { decodeHex } from "@std/encoding/hex";
import { OUR_LAUNCHER } from "../pack/build_in_memory.ts";
import { pseudoRandomBytes } from "./pseudo_random_bytes.ts";
import vectors from "../vectors/platform_signatures.json" with { type: "json" };

/** A launcher with the header of a vector. */
export function launcherLike(
  name: string,
  size = 70_000,
): Uint8Array<ArrayBuffer> {
  const vector = vectors.cases.find((one) => one.name === name);
  const bytes = new Uint8Array(size);
  bytes.set(decodeHex(vector?.head ?? ""));
  bytes.set(new TextEncoder().encode(OUR_LAUNCHER), 1000);
  return bytes;
}

/** What `osslsigncode` does to a program. */
export function signForWindows(
  bytes: Uint8Array,
  zeros?: number,
): Uint8Array<ArrayBuffer> {
  const padding = zeros ?? (8 - bytes.length % 8) % 8;
  const table = pseudoRandomBytes(1416);
  const signed = new Uint8Array(bytes.length + padding + table.length);
  signed.set(bytes);
  signed.set(table, bytes.length + padding);
  const view = new DataView(signed.buffer);
  view.setUint32(152, 0x12345, true);
  view.setUint32(232, bytes.length + padding, true);
  view.setUint32(236, table.length, true);
  return signed;
}
