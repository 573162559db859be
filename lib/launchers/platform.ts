import { PspfError } from "../errors.ts";

/** Operating systems that launchers exist for. */
export type PlatformOs = "linux" | "darwin" | "windows";
/** Architectures that launchers exist for. */
export type PlatformArch = "amd64" | "arm64";

/** An operating system and an architecture. */
export interface Platform {
  /** Operating system. */
  readonly os: PlatformOs;
  /** Architecture. */
  readonly arch: PlatformArch;
}

/** The name of every platform. */
export const PLATFORMS = [
  "linux_amd64",
  "linux_arm64",
  "darwin_amd64",
  "darwin_arm64",
  "windows_amd64",
  "windows_arm64",
] as const;

/** Reads a platform name such as `linux_amd64`. */
export function parsePlatform(text: string): Platform {
  if ((PLATFORMS as readonly string[]).includes(text)) {
    const [os, arch] = text.split("_");
    return { os: os as PlatformOs, arch: arch as PlatformArch };
  }
  throw new PspfError("usage/bad-argument", `Unknown platform "${text}"`, {
    context: { platform: text },
    hint: `Platforms: ${PLATFORMS.join(", ")}`,
  });
}

/** The name of a platform. */
export function platformName(platform: Platform): string {
  return `${platform.os}_${platform.arch}`;
}
