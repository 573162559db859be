import { normalize } from "@std/path/posix";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import {
  detectPlatforms,
  EXECUTABLE_HEAD_SIZE,
} from "../launchers/executable_format.ts";
import { type Platform, platformName } from "../launchers/platform.ts";
import { type ElfFile, readElf } from "./elf.ts";
import { isBaseline } from "./libraries.ts";

/** What will be at a path of the workenv. */
export type WorkenvEntry =
  | { readonly kind: "directory" }
  | { readonly kind: "symlink"; readonly target: string }
  | {
    readonly kind: "file";
    /** Permission bits that it will have. */
    readonly mode: number;
    open(): Promise<RandomAccessSource>;
  };

/** What will be in a workenv, by path below it. */
export interface WorkenvView {
  readonly entries: ReadonlyMap<string, WorkenvEntry>;
  /** Whether archives or setup commands put more there than can be seen. */
  readonly isOpen: boolean;
  /** Where the slots go, by index. */
  readonly targets: readonly string[];
}

/** What is started, and where. */
export interface PreflightRequest {
  /** The program as the manifest names it, placeholders included. */
  readonly program: string;
  readonly primarySlot: number;
  /** `undefined` where the launcher's platform is not known. */
  readonly target: Platform | undefined;
  readonly view: WorkenvView;
}

/** What was found. */
export interface PreflightReport {
  /** Why the package would not start. */
  readonly problems: readonly string[];
  /** What may be missing on some machine. */
  readonly warnings: readonly string[];
  /** What the machine must have, such as `glibc >= 2.28`. */
  readonly needs: readonly string[];
}

/** Interpreters that scripts may rely on: they are where the standard says. */
const USUAL_INTERPRETERS = /^(?:\/usr)?\/bin\/[\w.-]+$/;
const LIBRARY_REGEXP = /\.(?:so(?:\.[\d.]+)?|node|pyd|dll|dylib)$/;
/** As many links as Linux follows. */
const MAX_HOPS = 40;

/** Finds out whether a package would start, without starting it. */
export async function preflight(
  request: PreflightRequest,
): Promise<PreflightReport> {
  const run = new Preflight(request);
  run.checkLinks();
  await run.checkProgram();
  await run.checkLibraries();
  return run.report();
}

class Preflight {
  readonly #request: PreflightRequest;
  readonly #problems: string[] = [];
  readonly #warnings: string[] = [];
  readonly #needs = new Set<string>();
  readonly #versions = new Map<string, string>();
  readonly #names: ReadonlyMap<string, string>;
  #program: string | undefined;

  constructor(request: PreflightRequest) {
    this.#request = request;
    const { entries } = request.view;
    this.#names = new Map(
      [...entries.keys()].map((path) => [path.split("/").at(-1) ?? "", path]),
    );
  }

  report(): PreflightReport {
    const versions = [...this.#versions].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([name, version]) => `${name} >= ${version}`);
    return {
      problems: this.#problems,
      warnings: this.#warnings,
      needs: [...this.#needs, ...versions],
    };
  }

  checkLinks(): void {
    const leaving: string[] = [];
    for (const [path, entry] of this.#request.view.entries) {
      if (entry.kind !== "symlink") continue;
      const leads = normalize(`${parentOf(path)}/${entry.target}`);
      const leaves = entry.target.startsWith("/") ||
        leads.replace(/^\//, "").startsWith("..") ||
        leavesRoot(path, entry.target);
      if (leaves) leaving.push(`${path} -> ${entry.target}`);
    }
    if (leaving.length === 0) return;
    this.#problems.push(
      `links lead out of the package, to what is on this machine only:\n    ${
        leaving.slice(0, 20).join("\n    ")
      }${leaving.length > 20 ? `\n    and ${leaving.length - 20} more` : ""}`,
    );
  }

  async checkProgram(): Promise<void> {
    const { program, primarySlot, view, target } = this.#request;
    const word = program
      .replace("{primary}", `{slot:${primarySlot}}`)
      .replace(
        /^\{slot:(\d+)\}/,
        (_, index) => `{workenv}/${view.targets[Number(index)] ?? ""}`,
      );
    const inside = /^\{workenv\}\/+(.*)$/.exec(word)?.[1];
    if (inside === undefined) return this.#checkOutside(word);
    const named = normalize(inside);
    const candidates = target?.os === "windows"
      ? [named, `${named}.exe`]
      : [named];
    const found = candidates.map((one) => this.#follow(one))
      .find((one) => one !== undefined);
    if (found === undefined) {
      if (view.isOpen) return;
      const near = nearest(named, view.entries);
      this.#problems.push(
        `the program ${program} is in no slot${
          near === undefined ? "" : `; did you mean {workenv}/${near}?`
        }`,
      );
      return;
    }
    const entry = view.entries.get(found);
    if (entry?.kind !== "file") {
      this.#problems.push(`the program ${program} is a directory`);
      return;
    }
    if ((entry.mode & 0o111) === 0 && target?.os !== "windows") {
      this.#problems.push(
        `the program ${program} is not executable: its mode is ${
          entry.mode.toString(8).padStart(4, "0")
        }; chmod +x it, or give its slot permissions = "0755"`,
      );
    }
    this.#program = found;
    await using file = await entry.open();
    await this.#checkFormat(program, file);
  }

  #checkOutside(word: string): void {
    const { view } = this.#request;
    if (word.includes("{")) return;
    if (!word.includes("/") && this.#follow(`bin/${word}`) !== undefined) {
      this.#program = this.#follow(`bin/${word}`);
      return;
    }
    if (view.isOpen && !word.includes("/")) return;
    this.#needs.add(word.startsWith("/") ? word : `${word} on PATH`);
  }

  async #checkFormat(
    program: string,
    file: RandomAccessSource,
  ): Promise<void> {
    const { target } = this.#request;
    const head = await file.read(0, Math.min(file.size, EXECUTABLE_HEAD_SIZE));
    if (head[0] === 0x23 && head[1] === 0x21) {
      return this.#checkShebang(program, head);
    }
    const platforms = detectPlatforms(head).map(platformName);
    if (platforms.length === 0) {
      this.#problems.push(
        `the program ${program} is neither a program for a platform that flavor knows nor a script with #!`,
      );
    } else if (
      target !== undefined && !platforms.includes(platformName(target))
    ) {
      this.#problems.push(
        `the program ${program} is for ${
          platforms.join(" and ")
        }, and the package is for ${platformName(target)}`,
      );
    }
  }

  #checkShebang(program: string, head: Uint8Array): void {
    const line = new TextDecoder().decode(head).split("\n")[0] ?? "";
    const [, interpreter = "", argument] =
      /^#![ \t]*([^ \t]+)(?:[ \t]+([^ \t]+))?/.exec(line) ?? [];
    if (interpreter.endsWith("\r") || argument?.endsWith("\r")) {
      this.#problems.push(
        `the script ${program} has Windows line endings, so its interpreter would not be found`,
      );
    } else if (USUAL_INTERPRETERS.test(interpreter)) {
      const name = interpreter.endsWith("/env") ? argument : undefined;
      if (interpreter !== "/bin/sh") {
        this.#needs.add(name === undefined ? interpreter : `${name} on PATH`);
      }
    } else {
      this.#problems.push(
        `the script ${program} is run by "${interpreter}", which is on this machine only; start it with {workenv}/... in the command, or write #!/usr/bin/env NAME`,
      );
    }
  }

  async checkLibraries(): Promise<void> {
    const { entries } = this.#request.view;
    // What the program needs, and what that needs: the set grows while it is walked.
    const needed = new Set(this.#program === undefined ? [] : [this.#program]);
    for (const path of needed) {
      for (const [library, found] of await this.#librariesOf(path)) {
        if (found !== undefined) needed.add(found);
        else {
          this.#problems.push(
            `${path} needs the library ${library}, which is neither in the package nor on every machine`,
          );
        }
      }
    }
    // Others may be loaded later, or never.
    const optional = new Map<string, string>();
    for (const path of entries.keys()) {
      if (needed.has(path) || !LIBRARY_REGEXP.test(path)) continue;
      for (const [library, found] of await this.#librariesOf(path)) {
        if (found === undefined) optional.set(library, path);
      }
    }
    for (const [library, path] of optional) {
      this.#warnings.push(
        `${path} needs the library ${library}, which is not in the package`,
      );
    }
  }

  /** What a file needs beside the system's libraries, and where that is. */
  async #librariesOf(
    path: string,
  ): Promise<
    readonly (readonly [library: string, found: string | undefined])[]
  > {
    const entry = this.#request.view.entries.get(path);
    if (entry?.kind !== "file") return [];
    await using file = await entry.open();
    const elf = await readElf(file);
    if (elf === undefined) return [];
    // That of the program was looked at with the program.
    if (path !== this.#program) this.#checkArchitecture(path, elf);
    if (elf.interpreter?.includes("musl")) this.#needs.add("musl");
    this.#count(elf);
    return elf.needed.filter((library) => !isBaseline(library))
      .map((library) => [library, this.#find(library, path, elf)]);
  }

  #checkArchitecture(path: string, elf: ElfFile): void {
    const { target } = this.#request;
    if (target === undefined) return;
    if (target.os === "linux" && elf.arch === target.arch) return;
    this.#problems.push(
      `${path} is for linux_${elf.arch ?? "?"}, and the package is for ${
        platformName(target)
      }`,
    );
  }

  /** Where the file says, or anywhere: another library may have loaded it. */
  #find(library: string, path: string, elf: ElfFile): string | undefined {
    const origin = /^\$(?:ORIGIN|\{ORIGIN\})/;
    const places = (elf.runPath?.text ?? "").split(":")
      .filter((place) => origin.test(place))
      .map((place) => normalize(place.replace(origin, parentOf(path))));
    return places.map((place) => this.#follow(`${place}/${library}`))
      .find((found) => found !== undefined) ?? this.#names.get(library);
  }

  #count({ versions }: ElfFile): void {
    for (const name of [...versions.values()].flat()) {
      const [, family, version] = /^(GLIBC|GLIBCXX)_([\d.]+)$/.exec(name) ?? [];
      if (family === undefined || version === undefined) continue;
      const shown = family === "GLIBC" ? "glibc" : "libstdc++ GLIBCXX";
      const known = this.#versions.get(shown);
      if (known === undefined || compare(version, known) > 0) {
        this.#versions.set(shown, version);
      }
    }
  }

  /** Follows links inside the workenv to what is really there. */
  #follow(path: string): string | undefined {
    const { entries } = this.#request.view;
    let rest = path.split("/");
    let base: string[] = [];
    for (let hops = 0; hops <= MAX_HOPS;) {
      const part = rest.shift();
      if (part === undefined) {
        const found = base.join("/");
        return entries.has(found) ? found : undefined;
      }
      if (part === "" || part === ".") continue;
      if (part === "..") {
        base.pop();
        continue;
      }
      const entry = entries.get([...base, part].join("/"));
      if (entry?.kind === "symlink" && !entry.target.startsWith("/")) {
        rest = [...entry.target.split("/"), ...rest];
        hops++;
      } else base = [...base, part];
    }
    return undefined;
  }
}

function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

/** Whether a relative link climbs above the workenv on its way. */
function leavesRoot(path: string, target: string): boolean {
  let depth = path.split("/").length - 1;
  for (const part of target.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}

function nearest(
  path: string,
  entries: ReadonlyMap<string, WorkenvEntry>,
): string | undefined {
  const name = path.split("/").at(-1);
  return [...entries].find(([one, { kind }]) =>
    kind === "file" && one.split("/").at(-1) === name
  )?.[0];
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
