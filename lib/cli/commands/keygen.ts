import { join } from "@std/path";

import {
  encodePrivateKeyPem,
  encodePublicKeyPem,
  generateKeyPair,
  keyFingerprint,
} from "../../crypto/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";

const PRIVATE_NAME = "flavor-private.key";
const PUBLIC_NAME = "flavor-public.key";

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
  const privatePath = join(directory, PRIVATE_NAME);
  const publicPath = join(directory, PUBLIC_NAME);

  await host.writer.makeDirectory(directory, 0o700);
  // Both are open before either is published: half a pair is worse than none.
  await using privateSink = await host.writer.createSink(privatePath, {
    mode: 0o600,
    replace,
  });
  await using publicSink = await host.writer.createSink(publicPath, {
    mode: 0o644,
    replace,
  });
  const encoder = new TextEncoder();
  await privateSink.write(
    encoder.encode(encodePrivateKeyPem(pair.privateKey)),
  );
  await publicSink.write(encoder.encode(encodePublicKeyPem(pair.publicKey)));
  await privateSink.commit();
  await publicSink.commit();
  output.report(
    { private_key: privatePath, public_key: publicPath, fingerprint },
    () =>
      [
        `private key  ${privatePath}  (keep it secret)`,
        `public key   ${publicPath}`,
        `fingerprint  ${fingerprint}`,
      ].join("\n"),
  );
}
