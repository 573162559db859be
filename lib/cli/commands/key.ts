import { keyFingerprint } from "../../crypto/mod.ts";
import { deriveKeyPair, type KeyPair } from "../../crypto/ed25519.ts";
import {
  decryptKey,
  isEncryptedKey,
  MAX_KEY_FILE_SIZE,
  parseKeyPair,
  parsePublicKey,
} from "../../crypto/key_file.ts";
import { TRAILER_SIZE } from "../../format/constants.ts";
import { PspfError } from "../../errors.ts";
import { naming } from "../../pack/key_files.ts";
import { signPackage } from "../../pack/sign_package.ts";
import { openPackage } from "../../read/open_package.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { openToLook } from "../package_file.ts";
import { askPassword, chooseKey } from "../signing_key.ts";

/** `flavor key show`: the fingerprint that others trust. */
export async function runKeyShow(
  { operands: { file: path } }: CommandOf<"key show">,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const { kind, publicKey } = await readAnyKey(path, context);
  const fingerprint = await keyFingerprint(publicKey);
  const mode = (await host.reader.facts(path))?.mode ?? 0;
  if (kind === "private key" && (mode & 0o044) !== 0) {
    output.warn(`other users can read the private key "${path}"`);
  }
  output.result({ file: path, kind, fingerprint }, () => fingerprint);
}

async function readAnyKey(
  path: string,
  context: CommandContext,
): Promise<{ readonly kind: string; readonly publicKey: Uint8Array }> {
  const { reader } = context.host;
  const facts = await reader.facts(path);
  if (facts !== undefined && facts.size >= TRAILER_SIZE) {
    await using source = await reader.openSource(path);
    const { index } = await openToLook(source, openPackage);
    return { kind: "package", publicKey: index.fields.publicKey };
  }
  const file = await reader.readBytes(path, MAX_KEY_FILE_SIZE);
  if (isEncryptedKey(file)) {
    const opened = decryptKey(file, askPassword(path, context));
    return { kind: "private key", ...await parseKeyPair(opened) };
  }
  const isPublic = new TextDecoder("latin1").decode(file).includes(
    "PUBLIC KEY",
  );
  if (isPublic) {
    const publicKey = await naming(path, () => parsePublicKey(file));
    return { kind: "public key", publicKey };
  }
  const pair: KeyPair = await naming(path, () => parseKeyPair(file));
  return { kind: "private key", publicKey: pair.publicKey };
}

/** `flavor sign`: another key for a finished package. */
export async function runSign(
  { operands: { package: path }, flags }: CommandOf<"sign">,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const chosen = await chooseKey(flags, ".", context);
  if (chosen.key === undefined) {
    throw new PspfError(
      "usage/bad-argument",
      "flavor sign needs a key",
      {
        hint:
          'Name one with --private-key FILE, or make one with "flavor keygen"',
      },
    );
  }
  const key = await deriveKeyPair(chosen.key.privateKey);
  const to = flags.output ?? path;
  const { before, after, rewritten } = await signPackage(path, to, key, host);
  const isSame = before === after;
  output.report(
    { package: to, before, after, rewritten_bytes: rewritten },
    () =>
      [
        `signed ${to}`,
        isSame
          ? `key      ${after} (as before)`
          : `was      ${before}\nis       ${after}`,
        `changed  the last ${rewritten} bytes: public key, signatures, checksum`,
      ].join("\n"),
  );
}
