import { readKeyFiles } from "../pack/mod.ts";
import {
  checkKeyPair,
  generateKeyPair,
  type KeyPair,
  keyPairFromSeed,
  MAX_KEY_FILE_SIZE,
  parsePublicKey,
} from "../crypto/mod.ts";
import { PspfError } from "../errors.ts";
import type { Environment, FileReader } from "../host/types.ts";

/** Where the key comes from. */
export type KeyOrigin = "file" | "seed" | "ephemeral";

/** The key to sign with. */
export interface PackKey {
  /** The key. */
  readonly keyPair: KeyPair;
  /** Where it comes from. */
  readonly origin: KeyOrigin;
}

/** What the user says about keys. */
export interface KeyFlags {
  /** File with the private key. */
  readonly privateKey: string | undefined;
  /** File with the public key. */
  readonly publicKey: string | undefined;
  /** Seed, or `env`. */
  readonly seed: string | undefined;
}

/**
 * Finds the key to sign with: a file, else a seed, else one made for this build.
 */
export async function findPackKey(
  choice: KeyFlags,
  host: { readonly reader: FileReader; readonly env: Environment },
): Promise<PackKey> {
  const { privateKey, publicKey, seed } = choice;
  if (privateKey !== undefined) {
    if (seed !== undefined) {
      throw usage("--private-key and --key-seed cannot be used together");
    }
    const keyPair = await readKeyFiles({
      privateKeyPath: privateKey,
      ...(publicKey === undefined ? {} : { publicKeyPath: publicKey }),
    }, { host });
    return { keyPair, origin: "file" };
  }
  const keyPair = seed === undefined
    ? undefined
    : await keyPairFromSeed(seed === "env" ? seedFromEnv(host.env) : seed);
  if (publicKey !== undefined) {
    if (keyPair === undefined) {
      throw usage("--public-key needs --private-key or --key-seed");
    }
    const file = await host.reader.readBytes(publicKey, MAX_KEY_FILE_SIZE);
    checkKeyPair(keyPair, parsePublicKey(file));
  }
  return keyPair === undefined
    ? { keyPair: await generateKeyPair(), origin: "ephemeral" }
    : { keyPair, origin: "seed" };
}

function seedFromEnv(env: Environment): string {
  const seed = env.get("FLAVOR_KEY_SEED") ?? "";
  if (seed !== "") return seed;
  throw usage("--key-seed env needs FLAVOR_KEY_SEED, which is not set");
}

function usage(message: string): PspfError {
  return new PspfError("usage/bad-argument", message);
}
