import { writeKeyFiles } from "../../pack/mod.ts";
import { generateKeyPair, keyFingerprint } from "../../crypto/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { withExistsHint } from "../with_exists_hint.ts";

/**
 * `flavor keygen`: makes a key pair, and replaces one only when told to.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `io/exists`, `io/denied`, `io/no-space`
 */
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
