import {
  MAX_KEY_FILE_SIZE,
  parseFingerprint,
  parsePublicKey,
} from "../crypto/mod.ts";
import { isPspfError, PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";
import type { TrustedKey } from "../read/mod.ts";

/**
 * Reads the keys that a user trusts.
 *
 * @param given Fingerprints, or files with a public key.
 * @param reader Reads the files.
 * @returns The keys; `undefined` when none is given, so that any is accepted.
 * @throws {PspfError} `io/not-found`, `crypto/bad-key`
 */
export async function readTrustedKeys(
  given: readonly string[],
  reader: FileReader,
): Promise<readonly TrustedKey[] | undefined> {
  if (given.length === 0) return undefined;
  const keys: TrustedKey[] = [];
  for (const item of given) {
    keys.push(parseFingerprint(item) ?? await readPublicKey(item, reader));
  }
  return keys;
}

async function readPublicKey(
  path: string,
  reader: FileReader,
): Promise<Uint8Array> {
  try {
    return parsePublicKey(await reader.readBytes(path, MAX_KEY_FILE_SIZE));
  } catch (error) {
    throw isPspfError(error) ? explain(path, error) : error;
  }
}

/** Several keys may be given, and any text that is no fingerprint is a path. */
function explain(path: string, error: PspfError): PspfError {
  const { code, message, context } = error;
  const says = message.includes(path)
    ? message
    : `${message} (trusted key ${JSON.stringify(path)})`;
  return new PspfError(code, says, {
    context: { ...context, path },
    hint: "Give a public key's file or its fingerprint, 64 hexadecimal digits",
    cause: error,
  });
}
