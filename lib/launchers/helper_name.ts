import { parsePlatform, type Platform, type PlatformOs } from "./platform.ts";

/** Language that a helper is written in; each has its own limits. */
export type HelperLanguage = "rust" | "go";
/** What a helper does. */
export type HelperRole = "launcher" | "builder";

/** What a helper's file name says. */
export interface HelperName {
  /** Language. */
  readonly language: HelperLanguage;
  /** Role. */
  readonly role: HelperRole;
  /** Platform it runs on. */
  readonly platform: Platform;
}

const NAME_REGEXP =
  /^flavor-(rs|go)-(launcher|builder)-((?:linux|darwin|windows)_(?:amd64|arm64))(?:\.exe)?$/;

/**
 * Reads a helper's file name.
 *
 * @param name Such as `flavor-rs-launcher-linux_amd64`.
 * @returns What it says; `undefined` for any other file.
 */
export function parseHelperName(name: string): HelperName | undefined {
  const [, language, role, platform] = NAME_REGEXP.exec(name) ?? [];
  if (platform === undefined) return undefined;
  return {
    language: language === "rs" ? "rust" : "go",
    role: role === "builder" ? "builder" : "launcher",
    platform: parsePlatform(platform),
  };
}

/**
 * The file name of a helper.
 *
 * @param helper Language, role and platform.
 * @returns Such as `flavor-go-launcher-windows_amd64.exe`.
 */
export function helperFileName(helper: HelperName): string {
  const { language, role, platform } = helper;
  const short = language === "rust" ? "rs" : "go";
  return `flavor-${short}-${role}-${platform.os}_${platform.arch}${
    suffix(platform.os)
  }`;
}

function suffix(os: PlatformOs): string {
  return os === "windows" ? ".exe" : "";
}
