import { join } from "@std/path";

import type { BuildOptions } from "../pack/build_options.ts";
import {
  type PreparedPackage,
  preparePackage,
} from "../pack/prepare_package.ts";
import { encodePrivateKeyPem, encodePublicKeyPem } from "../crypto/key_file.ts";
import type { FileWriter } from "../host/types.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { builderManifest, type EncodedFile } from "./builder_manifest.ts";

/** What a native builder gets. */
export interface BuilderInputs {
  /** The manifest. */
  readonly manifest: string;
  /** The private key, PKCS#8 PEM. */
  readonly privateKey: string;
  /** The public key, SPKI PEM. */
  readonly publicKey: string;
  /** What the package has to hold. */
  readonly prepared: PreparedPackage;
}

/** Only for the user who builds. */
const PRIVATE_MODE = 0o600;

/**
 * Encodes the slots of a plan and lays them down for a native builder, together
 * with the manifest and the key.
 *
 * @param plan What is to be built.
 * @param directory A private directory; the caller removes it.
 * @param options Key, sources and launcher.
 * @param writer Writes the files.
 * @returns Where the files are.
 * @throws {PspfError} what sources and codecs throw, `manifest/invalid`,
 * `build/failed`, `build/limit`, `build/source-changed`, `io/no-space`
 */
export async function writeBuilderInputs(
  plan: BuildPlan,
  directory: string,
  options: Omit<BuildOptions, "createSpool" | "portable">,
  writer: FileWriter,
): Promise<BuilderInputs> {
  await using resources = new AsyncDisposableStack();
  const prepared = await preparePackage(plan, {
    ...options,
    // No native builder there is knows more.
    portable: true,
    createSpool: () => writer.createSpool(directory),
  }, resources);
  const write = async (
    name: string,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<string> => {
    const path = join(directory, name);
    await using sink = await writer.createSink(path, { mode: PRIVATE_MODE });
    for await (const chunk of chunks) await sink.write(chunk);
    await sink.commit();
    return path;
  };
  const files: EncodedFile[] = [];
  for (const [index, slot] of prepared.slots.entries()) {
    const stored = prepared.spool.stream(slot.spoolOffset, slot.size);
    files.push({ slot, path: await write(`slot-${index}`, stored) });
  }
  const text = (value: string): Uint8Array[] => [
    new TextEncoder().encode(value),
  ];
  const { keyPair } = options;
  const document = builderManifest(plan, files);
  return {
    prepared,
    manifest: await write(
      "manifest.json",
      text(JSON.stringify(document, undefined, 2)),
    ),
    privateKey: await write(
      "flavor-private.key",
      text(encodePrivateKeyPem(keyPair.privateKey)),
    ),
    publicKey: await write(
      "flavor-public.key",
      text(encodePublicKeyPem(keyPair.publicKey)),
    ),
  };
}
