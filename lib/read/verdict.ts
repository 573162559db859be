import { keyFingerprint } from "../crypto/sha256.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import {
  DEFAULT_VERIFY_LEVEL,
  type VerifyCheck,
  type VerifyLevel,
} from "./check_log.ts";
import { openPackage } from "./open_package.ts";
import { type VerifyOptions, verifyPackage } from "./verify_package.ts";

/** What is known about one package after every check. */
export interface Verdict {
  /** The name that the caller gave it. */
  readonly path: string;
  readonly valid: boolean;
  readonly level: VerifyLevel;
  readonly checks: readonly VerifyCheck[];
  /** Fingerprint of the key that is named in the package, where it can be read. */
  readonly signer: string | undefined;
}

/** Verifies a package and finds out who it says has signed it. */
export async function judgePackage(
  path: string,
  source: RandomAccessSource,
  options: VerifyOptions,
): Promise<Verdict> {
  const { level = DEFAULT_VERIFY_LEVEL } = options;
  const { valid, checks } = await verifyPackage(source, options);
  return { path, valid, level, checks, signer: await findSigner(source) };
}

async function findSigner(
  source: RandomAccessSource,
): Promise<string | undefined> {
  try {
    const { index } = await openPackage(source, { level: "none" });
    return await keyFingerprint(index.fields.publicKey);
  } catch {
    return undefined;
  }
}

/** Whether the key is one of those given; `undefined` when none was. */
export function isTrusted(
  { checks }: Pick<Verdict, "checks">,
): boolean | undefined {
  const check = checks.find(({ id }) => id === "trusted-key");
  return check === undefined || check.status === "skip"
    ? undefined
    : check.status === "pass";
}
