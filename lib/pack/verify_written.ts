import { PspfError } from "../errors.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { verifyPackage } from "../read/verify_package.ts";
import type { BuildOptions } from "./build_package.ts";

/** Reads back what was written before it gets its name. */
export async function verifyWritten(
  source: RandomAccessSource,
  { keyPair, signal, onProgress }: BuildOptions,
): Promise<void> {
  const total = source.size;
  let completed = 0;
  const { checks } = await verifyPackage(source, {
    trustedKeys: [keyPair.publicKey],
    signal,
    onProgress: (bytes) =>
      onProgress?.({ stage: "verify", completed: completed += bytes, total }),
  });
  const failed = checks.find(({ status }) => status === "fail");
  if (failed === undefined) return;
  throw new PspfError(
    "build/verification-failed",
    `The package that was written does not verify: ${failed.detail}`,
    {
      context: {
        path: source.name,
        check: failed.id,
        code: failed.code ?? null,
      },
      hint: "Check the disk and the memory of this machine, then build again",
    },
  );
}
