import { MAX_KEY_FILE_SIZE, parsePublicKey } from "../crypto/key_file.ts";
import { parseFingerprint } from "../crypto/sha256.ts";
import { isPspfError, type JsonValue, PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import {
  type OpenedPackage,
  type OpenOptions,
  type TrustedKey,
  type VerifyCheck,
  type VerifyLevel,
  verifyPackage,
  type VerifyReport,
} from "../read/mod.ts";
import { openPackage } from "../read/open_package.ts";
import type { Output } from "./output.ts";

/**
 * Reads the keys that a user trusts: fingerprints, PEM text, or files with a
 * public key; `undefined` when none is given, so that any is accepted.
 */
export async function readTrustedKeys(
  given: readonly string[],
  reader: FileReader,
): Promise<readonly TrustedKey[] | undefined> {
  if (given.length === 0) return undefined;
  return await Array.fromAsync(given, async (text) => {
    try {
      return parseFingerprint(text) ?? parsePublicKey(
        text.trimStart().startsWith("-----BEGIN ")
          ? new TextEncoder().encode(text)
          : await reader.readBytes(text, MAX_KEY_FILE_SIZE),
      );
    } catch (error) {
      throw isPspfError(error) ? explain(text, error) : error;
    }
  });
}

/** Several keys may be given, and any text that is nothing else is a path. */
function explain(text: string, error: PspfError): PspfError {
  const { code, message, context } = error;
  if (code === "io/not-found") {
    return new PspfError(
      code,
      `The trusted key ${
        JSON.stringify(text)
      } is neither a fingerprint nor PEM text nor a file`,
      { context: { ...context, path: text }, hint: WHAT_A_KEY_IS },
    );
  }
  const says = message.includes(text)
    ? message
    : `${message} (trusted key ${JSON.stringify(text)})`;
  return new PspfError(code, says, {
    context: { ...context, path: text },
    hint: WHAT_A_KEY_IS,
    cause: error,
  });
}

const WHAT_A_KEY_IS =
  "Give a public key's file, its PEM text or its fingerprint, 64 hexadecimal digits";

/** Verifies a package with a progress bar. */
export async function verifyFile(
  source: RandomAccessSource,
  options: {
    readonly level: VerifyLevel;
    /** Keys to accept; any when `undefined`. */
    readonly trustedKeys: readonly TrustedKey[] | undefined;
  },
  output: Output,
): Promise<VerifyReport> {
  const { level, trustedKeys } = options;
  using bar = output.progress("verifying", source.size);
  return await verifyPackage(source, {
    level,
    trustedKeys,
    onProgress: bar.add,
  });
}

/**
 * Opens a package to look at it: what is wrong with its signature is a warning.
 * A package that cannot be shown at all is refused as `extract` refuses it.
 */
export async function openToLook<Opened>(
  source: RandomAccessSource,
  open: (
    source: RandomAccessSource,
    options: OpenOptions,
  ) => Promise<Opened>,
): Promise<Opened> {
  try {
    return await open(source, { level: "relaxed" });
  } catch (error) {
    await openPackage(source);
    throw error;
  }
}

/** Warns of what a package that was only opened to look at does not prove. */
export function warnOfChecks(
  checks: readonly VerifyCheck[],
  prefix: string,
  output: Output,
): void {
  for (const { status, code, detail } of checks) {
    if (status === "warn" && code !== undefined) {
      output.warn(`${prefix}${detail}`);
    }
  }
}

/** The JSON form of a check. */
export function checkJson(
  { id, status, code, detail, hint }: VerifyCheck,
): JsonValue {
  return { id, status, ...(code && { code }), detail, ...(hint && { hint }) };
}

/** Adds up the stored sizes of slots. */
export function storedSize({ slots }: OpenedPackage): number {
  return slots.reduce((sum, { size }) => sum + size, 0);
}
