import { zstdCodec } from "../compress/zstd_codec.ts";
import type { PlatformName } from "./platform.ts";

/** What a module of `@flavor/launchers` holds; nothing where none was generated. */
interface LauncherModule {
  readonly launcher: {
    /** Length of the launcher in bytes. */
    readonly size: number;
    /** The launcher: zstd, then base64. */
    readonly zstd: string;
  } | undefined;
}

/** Literal names: Deno then needs no permission to load them. */
const MODULES: Readonly<Record<PlatformName, () => Promise<LauncherModule>>> = {
  linux_amd64: () => import("@flavor/launchers/linux_amd64"),
  linux_arm64: () => import("@flavor/launchers/linux_arm64"),
  darwin_amd64: () => import("@flavor/launchers/darwin_amd64"),
  darwin_arm64: () => import("@flavor/launchers/darwin_arm64"),
  windows_amd64: () => import("@flavor/launchers/windows_amd64"),
  windows_arm64: () => import("@flavor/launchers/windows_arm64"),
};

/** Whatever loads modules of launchers. */
export type LoadLauncher = (platform: PlatformName) => Promise<LauncherModule>;

/**
 * The launcher for a platform from the package `@flavor/launchers`, or nothing
 * where that cannot be loaded or has none.
 */
export async function loadPackagedLauncher(
  platform: PlatformName,
  load: LoadLauncher = (name) => MODULES[name](),
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  let module: LauncherModule;
  try {
    module = await load(platform);
  } catch {
    // Offline, for example; the other places are named to the user.
    return undefined;
  }
  if (module.launcher === undefined) return undefined;
  const { size, zstd } = module.launcher;
  const plain = new Blob([Uint8Array.fromBase64(zstd)]).stream()
    .pipeThrough(zstdCodec.decode({ maxSize: size, name: "the launcher" }));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}
