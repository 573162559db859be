import { join } from "@std/path";
import {
  checkKeyPair,
  deriveKeyPair,
  generateKeyPair,
  type KeyPair,
  keyPairFromSeed,
} from "../crypto/ed25519.ts";
import {
  encodePrivateKeyPem,
  encodePublicKeyPem,
  MAX_KEY_FILE_SIZE,
  parseKeyPair,
  parsePublicKey,
} from "../crypto/key_file.ts";
import { isPspfError, PspfError } from "../errors.ts";
import { pathOf } from "../io/open_source.ts";
import { loadHost, type PackHost } from "./pack_host.ts";

/** Where a key pair is. */
export interface KeyFiles {
  /** PKCS#8 PEM, or 32 or 64 raw bytes. */
  readonly privateKeyPath: string;
  /** Checked against the private key where it is given. */
  readonly publicKeyPath?: string | undefined;
}

/**
 * A key to sign with: a pair, PEM text, the raw bytes of a key, the path or URL
 * of a key file, both files of a pair, or a text that the key is made from.
 */
export type SigningKey =
  | KeyPair
  | KeyFiles
  | { readonly seed: string }
  | string
  | URL
  | Uint8Array;

/** Options of {@linkcode writeKeyFiles}. */
export interface WriteKeyOptions {
  /** Writes the files; the machine that the program runs on by default. */
  readonly host?: Pick<PackHost, "writer"> | undefined;
  /**
   * Whether a pair that exists is replaced: a lost key cannot be made again.
   *
   * @default {false}
   */
  readonly replace?: boolean | undefined;
}

/** Options of {@linkcode readKeyFiles}. */
export interface ReadKeyOptions {
  /** Reads the files; the machine that the program runs on by default. */
  readonly host?: Pick<PackHost, "reader"> | undefined;
}

const PRIVATE_NAME = "flavor-private.key";
const PUBLIC_NAME = "flavor-public.key";
const PEM_REGEXP = /^\s*-----BEGIN /;

/** Reads a key pair from files. */
export async function readKeyFiles(
  files: KeyFiles,
  options: ReadKeyOptions = {},
): Promise<KeyPair> {
  const { reader } = options.host ?? await loadHost();
  const { privateKeyPath, publicKeyPath } = files;
  const read = (path: string): Promise<Uint8Array> =>
    reader.readBytes(path, MAX_KEY_FILE_SIZE);
  const privateFile = await read(privateKeyPath);
  const pair = await naming(privateKeyPath, () => parseKeyPair(privateFile));
  if (publicKeyPath === undefined) return pair;
  const publicFile = await read(publicKeyPath);
  checkKeyPair(
    pair,
    await naming(publicKeyPath, () => parsePublicKey(publicFile)),
  );
  return pair;
}

/** The parsers see bytes only, and there may be several key files. */
async function naming<Key>(
  path: string,
  parse: () => Key | Promise<Key>,
): Promise<Key> {
  try {
    return await parse();
  } catch (error) {
    if (!isPspfError(error)) throw error;
    const { code, message, context, hint } = error;
    throw new PspfError(code, `${message} (file ${JSON.stringify(path)})`, {
      context: { ...context, path },
      hint,
      cause: error,
    });
  }
}

/**
 * Writes a key pair as `flavor-private.key` (0600) and `flavor-public.key`.
 * Files that exist stay as they are, unless told otherwise.
 *
 * @param pair The pair.
 * @param directory Where to, created where it is missing.
 * @param options The machine, and whether to replace a pair.
 * @returns The paths of the files.
 * @throws {PspfError} `io/exists`, `io/denied`, `io/no-space`
 *
 * @example A second pair does not replace the first
 * ```ts
 * import { generateKeyPair, isPspfError, writeKeyFiles } from "@flavor/pspf";
 * import { assert, assertRejects } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * await writeKeyFiles(await generateKeyPair(), directory);
 * const error = await assertRejects(async () =>
 *   writeKeyFiles(await generateKeyPair(), directory)
 * );
 * assert(isPspfError(error, "io/exists"));
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function writeKeyFiles(
  pair: KeyPair,
  directory: string,
  options: WriteKeyOptions = {},
): Promise<KeyFiles & { readonly publicKeyPath: string }> {
  const { replace = false } = options;
  const { writer } = options.host ?? await loadHost();
  const privateKeyPath = join(directory, PRIVATE_NAME);
  const publicKeyPath = join(directory, PUBLIC_NAME);
  await writer.makeDirectory(directory, 0o700);
  const durable = true;
  // Both are open before either is published: half a pair is worse than none.
  await using privateSink = await writer.createSink(privateKeyPath, {
    mode: 0o600,
    replace,
    durable,
  });
  await using publicSink = await writer.createSink(publicKeyPath, {
    replace,
    durable,
  });
  const encoder = new TextEncoder();
  await privateSink.write(encoder.encode(encodePrivateKeyPem(pair.privateKey)));
  await publicSink.write(encoder.encode(encodePublicKeyPem(pair.publicKey)));
  await privateSink.commit();
  await publicSink.commit();
  return { privateKeyPath, publicKeyPath };
}

/** Whether a key has to be read from a file. */
export function isKeyPath(key: SigningKey | undefined): boolean {
  if (typeof key === "string") return !PEM_REGEXP.test(key);
  return key instanceof URL ||
    (typeof key === "object" && "privateKeyPath" in key);
}

/** The pair that a key stands for; a fresh one when there is none. */
export async function resolveKey(
  key: SigningKey | undefined,
  host: () => Promise<PackHost>,
): Promise<KeyPair> {
  if (key === undefined) return await generateKeyPair();
  if (key instanceof Uint8Array) return await parseKeyPair(key);
  if (typeof key === "string" && PEM_REGEXP.test(key)) {
    return await parseKeyPair(new TextEncoder().encode(key));
  }
  if (typeof key === "string" || key instanceof URL) {
    const files = { privateKeyPath: pathOf(key) };
    return await readKeyFiles(files, { host: await host() });
  }
  if ("privateKeyPath" in key) {
    return await readKeyFiles(key, { host: await host() });
  }
  if (!("seed" in key)) {
    const pair = await deriveKeyPair(key.privateKey);
    checkKeyPair(pair, key.publicKey);
    return pair;
  }
  if (key.seed !== "") return await keyPairFromSeed(key.seed);
  throw new PspfError("usage/bad-argument", "The seed of the key is empty");
}
