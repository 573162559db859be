import { join } from "@std/path";
import type { Host } from "../host/types.ts";
import { readElf } from "./elf.ts";

/**
 * Libraries that every Linux system with glibc has, and the two of its compiler
 * that every distribution installs. Their versions are counted, not they.
 */
const BASELINE_REGEXP =
  /^(?:ld-linux[\w-]*|lib(?:c|m|dl|rt|pthread|util|resolv|nsl|anl|BrokenLocale|thread_db|gcc_s|stdc\+\+|atomic))\.so(?:\.\d+)?$|^ld-musl-|^libc\.musl-/;

/** Whether a library belongs to the system and never to a package. */
export function isBaseline(library: string): boolean {
  return BASELINE_REGEXP.test(library) || library === "linux-vdso.so.1";
}

const PLACES: Readonly<Record<"amd64" | "arm64", string>> = {
  amd64: "x86_64-linux-gnu",
  arm64: "aarch64-linux-gnu",
};

/** Finds a library of this machine, as its loader would. */
export async function findLibrary(
  name: string,
  arch: "amd64" | "arm64",
  reader: Host["reader"],
): Promise<string | undefined> {
  const directories = [
    ...await configured(reader),
    ...["/lib", "/usr/lib"].map((one) => join(one, PLACES[arch])),
    ...["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"],
  ];
  for (const directory of directories) {
    const path = join(directory, name);
    if ((await reader.facts(path))?.kind !== "file") continue;
    await using source = await reader.openSource(path);
    if ((await readElf(source))?.arch === arch) return path;
  }
  return undefined;
}

async function configured(reader: Host["reader"]): Promise<readonly string[]> {
  const places: string[] = [];
  for (const name of await reader.list("/etc/ld.so.conf.d")) {
    const path = join("/etc/ld.so.conf.d", name);
    if (!name.endsWith(".conf")) continue;
    const text = new TextDecoder().decode(await reader.readBytes(path, 65536));
    places.push(...text.split("\n").filter((line) => line.startsWith("/")));
  }
  return places;
}
