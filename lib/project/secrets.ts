import { PspfError } from "../errors.ts";
import type { FoundSource } from "../pack/slot_source.ts";

/** Keys are short; what is longer is not looked at. */
const MAX_SIZE = 64 * 1024;
const PEM_REGEXP = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/;

/**
 * Refuses private keys while they are read: who gets the package could sign as
 * its owner. Nothing of a build is published before all of it was read.
 */
export async function refuseSecrets(
  found: FoundSource,
  source: string,
): Promise<FoundSource> {
  if (found.kind === "stream") return found;
  if (found.kind === "file") {
    await using file = await found.open();
    if (file.size <= MAX_SIZE) {
      check(await file.read(0, file.size), source);
    }
    return found;
  }
  const { tree } = found;
  return {
    kind: "directory",
    tree: {
      name: tree.name,
      entries: (descend) => tree.entries(descend),
      openFile: (path) => tree.openFile(path),
      readFile(path, size): Uint8Array | Promise<Uint8Array> {
        const bytes = tree.readFile(path, size);
        if (size > MAX_SIZE) return bytes;
        const name = `${source}/${path}`;
        if (bytes instanceof Uint8Array) return check(bytes, name);
        return bytes.then((read) => check(read, name));
      },
    },
  };
}

function check(bytes: Uint8Array, name: string): Uint8Array {
  if (!isPrivateKey(bytes, name)) return bytes;
  throw new PspfError(
    "build/failed",
    `Cannot pack "${name}": it is a private key`,
    {
      context: { path: name },
      hint:
        "Name it in .flavorignore; if it has to be in the package, use --allow-secrets",
    },
  );
}

/** PEM of any kind, or the raw key files that `flavor` takes. */
function isPrivateKey(bytes: Uint8Array, name: string): boolean {
  const { length } = bytes;
  if (length === 32 || length === 64) {
    return /\.key$/i.test(name) && !/public|\.pub\b/i.test(name);
  }
  const dash = bytes.indexOf(0x2d);
  if (dash < 0 || length < 64) return false;
  return PEM_REGEXP.test(new TextDecoder("latin1").decode(bytes));
}
