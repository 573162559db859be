import type { Platform, PlatformArch, PlatformOs } from "./platform.ts";

/** How many bytes {@linkcode detectPlatforms} wants to see. */
export const EXECUTABLE_HEAD_SIZE = 4096;

const ELF_MACHINES: Readonly<Record<number, PlatformArch>> = {
  62: "amd64",
  183: "arm64",
};
/** System V and Linux; the others are other systems. */
const ELF_LINUX_ABIS: ReadonlySet<number> = new Set([0, 3]);
const MACH_O_MACHINES: Readonly<Record<number, PlatformArch>> = {
  0x01000007: "amd64",
  0x0100000c: "arm64",
};
const PE_MACHINES: Readonly<Record<number, PlatformArch>> = {
  0x8664: "amd64",
  0xaa64: "arm64",
};
const MAX_FAT_PARTS = 16;

/**
 * Tells from the first bytes of a program where it runs: ELF, Mach-O (also
 * universal) and PE are known.
 */
export function detectPlatforms(head: Uint8Array): readonly Platform[] {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.byteLength < 64) return [];
  const magic = view.getUint32(0, false);
  if (magic === 0x7f454c46) return detectElf(view);
  if (magic === 0xcffaedfe) {
    return known("darwin", MACH_O_MACHINES[view.getUint32(4, true)]);
  }
  if (magic === 0xcafebabe) return detectUniversal(view);
  if (view.getUint16(0, false) === 0x4d5a) return detectPe(view);
  return [];
}

function known(os: PlatformOs, arch: PlatformArch | undefined): Platform[] {
  return arch === undefined ? [] : [{ os, arch }];
}

function detectElf(view: DataView): readonly Platform[] {
  const littleEndian = view.getUint8(5) === 1;
  if (view.getUint8(4) !== 2 || !littleEndian) return [];
  if (!ELF_LINUX_ABIS.has(view.getUint8(7))) return [];
  return known("linux", ELF_MACHINES[view.getUint16(18, true)]);
}

function detectUniversal(view: DataView): readonly Platform[] {
  const count = Math.min(view.getUint32(4, false), MAX_FAT_PARTS);
  const platforms: Platform[] = [];
  for (let part = 0; part < count; part++) {
    const at = 8 + 20 * part;
    if (at + 4 > view.byteLength) break;
    platforms.push(
      ...known("darwin", MACH_O_MACHINES[view.getUint32(at, false)]),
    );
  }
  return platforms;
}

function detectPe(view: DataView): readonly Platform[] {
  const at = view.getUint32(0x3c, true);
  if (at + 6 > view.byteLength || view.getUint32(at, false) !== 0x50450000) {
    return [];
  }
  return known("windows", PE_MACHINES[view.getUint16(at + 4, true)]);
}
