import { generateKeyPair, keyFingerprint } from "../../crypto/mod.ts";
import { isPspfError, PspfError } from "../../errors.ts";
import { writeKeyFiles } from "../../pack/mod.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";

/** `flavor keygen`: makes a key pair, and replaces one only when told to. */
export async function runKeygen(
  command: CommandOf<"keygen">,
  { host, output }: CommandContext,
): Promise<void> {
  const { "out-dir": directory, force: replace } = command.flags;
  const pair = await generateKeyPair();
  const fingerprint = await keyFingerprint(pair.publicKey);
  const { privateKeyPath, publicKeyPath } = await withExistsHint(
    replace
      ? "Choose another directory with --out-dir"
      : "Choose another directory with --out-dir, or use --force to replace the key pair",
    () => writeKeyFiles(pair, directory, { host, replace }),
  );
  output.report(
    { private_key: privateKeyPath, public_key: publicKeyPath, fingerprint },
    () =>
      [
        `private key  ${privateKeyPath}  (keep it secret)`,
        `public key   ${publicKeyPath}`,
        `fingerprint  ${fingerprint}`,
      ].join("\n"),
  );
}

/**
 * Writes files whose names the user did not choose, so that "choose another
 * name" would be no advice.
 */
export async function withExistsHint<Value>(
  hint: string,
  write: () => Promise<Value>,
): Promise<Value> {
  try {
    return await write();
  } catch (error) {
    if (!isPspfError(error, "io/exists")) throw error;
    const { code, message, context } = error;
    throw new PspfError(code, message, { context, hint, cause: error });
  }
}
