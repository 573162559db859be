import { PspfError } from "../errors.ts";
import { nodeBuiltin } from "../io/node_builtin.ts";
import { openFileSource } from "./file_source.ts";
import type { CredentialHost } from "../registry/credentials.ts";
import type { Machine, ProcessRunner } from "./types.ts";

const ARCH_NAMES = { x86_64: "amd64", aarch64: "arm64" } as const;

/**
 * The machine that the program runs on, as far as a registry is concerned;
 * `undefined` in a browser. It stands by itself because a bundle for browsers
 * contains it, which must not contain modules of Node.js.
 */
export function loadCredentialHost():
  | CredentialHost & { readonly machine: Pick<Machine, "platform"> }
  | undefined {
  if (typeof Deno === "undefined") return undefined;
  const { os, arch } = Deno.build;
  return {
    reader: { readBytes },
    env: {
      get: (name) =>
        Deno.permissions.querySync({ name: "env", variable: name }).state ===
            "granted"
          ? Deno.env.get(name)
          : undefined,
    },
    machine: {
      platform: `${os}_${ARCH_NAMES[arch]}`,
      get home(): string | undefined {
        try {
          return nodeBuiltin("node:os")?.homedir();
        } catch {
          // Not allowed to look: the same as not there.
          return undefined;
        }
      },
    },
    processes: { capture },
  };
}

async function readBytes(
  path: string,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  await using source = openFileSource(path);
  const size = Math.min(source.size, limit);
  return new Uint8Array(await source.read(0, size));
}

const capture: ProcessRunner["capture"] = async (request, timeoutMs) => {
  const { program, args, input = "" } = request;
  try {
    const child = new Deno.Command(program, {
      args: [...args],
      signal: AbortSignal.timeout(timeoutMs),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await new Response(input).body?.pipeTo(child.stdin).catch(() => {});
    return await child.output();
  } catch (cause) {
    throw new PspfError(
      "run/cannot-execute",
      `Cannot start "${program}": ${
        cause instanceof Error ? cause.message : String(cause)
      }`,
      { context: { program }, cause },
    );
  }
};
