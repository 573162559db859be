import { join } from "@std/path";
import { checkKeyPair, type KeyPair } from "../crypto/ed25519.ts";
import {
  decryptKey,
  isEncryptedKey,
  MAX_KEY_FILE_SIZE,
  parseKeyPair,
  parsePublicKey,
} from "../crypto/key_file.ts";
import { keyPairFromSeed } from "../crypto/mod.ts";
import { PspfError } from "../errors.ts";
import { formatPermissions } from "../format/slot_words.ts";
import { naming } from "../pack/key_files.ts";
import type { CommandContext } from "./command_spec.ts";

/** Where a key comes from. */
export type KeyOrigin =
  | "file"
  | "stdin"
  | "environment"
  | "found"
  | "seed"
  | "ephemeral";

/** The flags that name a key. */
export interface KeyFlags {
  readonly "private-key": string | undefined;
  readonly "public-key": string | undefined;
  readonly "key-seed": string | undefined;
}

/** The key that was chosen. */
export interface ChosenKey {
  /** Absent where one is made for the build. */
  readonly key?: KeyPair | undefined;
  readonly origin: KeyOrigin;
  /** The file, where it is one. */
  readonly path?: string | undefined;
}

/** Where `keygen` puts the key of a project. */
export const USUAL_KEY = join("keys", "flavor-private.key");

/** Other users may not read a key: this is what a shell's umask often gives them. */
const READABLE_BY_OTHERS = 0o044;

/**
 * The key that the flags name: a file, standard input or a seed; else that of
 * `FLAVOR_PRIVATE_KEY`, else the one in `keys/`, else one for this build.
 */
export async function chooseKey(
  flags: KeyFlags,
  directory: string,
  context: CommandContext,
): Promise<ChosenKey> {
  const { host, output } = context;
  const { reader, env } = host;
  const { "private-key": given, "key-seed": seed } = flags;
  const text = env.get("FLAVOR_PRIVATE_KEY") ?? "";
  if (given !== undefined && seed !== undefined) {
    throw usage("--private-key and --key-seed cannot be used together");
  }
  if (seed !== undefined) return await seededKey(flags, seed, context);
  const usual = join(directory, USUAL_KEY);
  if (given === "-") {
    const file = await host.terminal.readIn(MAX_KEY_FILE_SIZE);
    if (file.length === 0) {
      throw usage(
        "--private-key - needs a key on standard input, which is empty",
      );
    }
    return await readKey(file, "standard input", "stdin", flags, context);
  }
  if (given === undefined && text !== "") {
    const file = new TextEncoder().encode(text);
    return await readKey(
      file,
      "FLAVOR_PRIVATE_KEY",
      "environment",
      flags,
      context,
    );
  }
  const isFound = given === undefined &&
    (await reader.facts(usual))?.kind === "file";
  const path = given ?? (isFound ? usual : undefined);
  if (path === undefined) {
    if (flags["public-key"] === undefined) return { origin: "ephemeral" };
    throw usage("--public-key needs --private-key or --key-seed");
  }
  const mode = (await reader.facts(path))?.mode ?? 0;
  const file = await reader.readBytes(path, MAX_KEY_FILE_SIZE);
  const origin = isFound ? "found" : "file";
  const key = await readKey(file, path, origin, flags, context);
  if (
    (mode & READABLE_BY_OTHERS) !== 0 && reader.absolute(path) !== "/dev/stdin"
  ) {
    output.warn(
      `other users can read the private key "${path}" (mode ${
        formatPermissions(mode)
      }); make it yours alone with: chmod 600 ${path}`,
    );
  }
  return { ...key, path };
}

async function readKey(
  file: Uint8Array,
  name: string,
  origin: KeyOrigin,
  flags: KeyFlags,
  context: CommandContext,
): Promise<ChosenKey> {
  const key = await naming(name, async () => {
    if (!isEncryptedKey(file)) return await parseKeyPair(file);
    return await parseKeyPair(decryptKey(file, askPassword(name, context)));
  });
  await checkPublicKey(key, flags, context);
  return { key, origin };
}

export function askPassword(name: string, { host }: CommandContext): string {
  const known = host.env.get("FLAVOR_KEY_PASSWORD");
  if (known !== undefined) return known;
  const typed = host.terminal.readSecret(`Password of the key in ${name}: `);
  if (typed !== undefined) return typed;
  throw new PspfError(
    "crypto/bad-key",
    "Cannot use the private key: it is protected by a password, and there is no terminal to ask for it",
    { context: { path: name }, hint: "Set FLAVOR_KEY_PASSWORD" },
  );
}

async function checkPublicKey(
  key: KeyPair,
  { "public-key": path }: KeyFlags,
  { host }: CommandContext,
): Promise<void> {
  if (path === undefined) return;
  const file = await host.reader.readBytes(path, MAX_KEY_FILE_SIZE);
  checkKeyPair(key, await naming(path, () => parsePublicKey(file)));
}

async function seededKey(
  flags: KeyFlags,
  seed: string,
  context: CommandContext,
): Promise<ChosenKey> {
  const named = seed === "env"
    ? context.host.env.get("FLAVOR_KEY_SEED") ?? ""
    : seed;
  if (named === "") {
    throw usage(
      seed === "env"
        ? "--key-seed env needs FLAVOR_KEY_SEED, which is not set"
        : "--key-seed is empty",
    );
  }
  const key = await keyPairFromSeed(named);
  await checkPublicKey(key, flags, context);
  return { key, origin: "seed" };
}

function usage(message: string): PspfError {
  return new PspfError("usage/bad-argument", message);
}
