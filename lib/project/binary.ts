import { basename } from "@std/path";
import { PspfError } from "../errors.ts";
import {
  detectPlatforms,
  EXECUTABLE_HEAD_SIZE,
} from "../launchers/executable_format.ts";
import { platformName } from "../launchers/platform.ts";
import { planManifest } from "../manifest/plan_manifest.ts";
import { type GoBuild, readGoBuild } from "../preflight/go_build.ts";
import type {
  ProjectAdapter,
  ProjectPackage,
  ProjectRequest,
} from "./project.ts";
import type { Component } from "./sbom.ts";

/** One program that needs nothing else. */
export const BINARY: ProjectAdapter = {
  name: "binary",
  matches: () => false,
  plan: planBinary,
};

async function planBinary(
  { path, host, target }: ProjectRequest,
): Promise<ProjectPackage> {
  const { reader } = host;
  await using file = await reader.openSource(path);
  const head = await file.read(0, Math.min(file.size, EXECUTABLE_HEAD_SIZE));
  const platforms = detectPlatforms(head);
  const isScript = head[0] === 0x23 && head[1] === 0x21;
  if (platforms.length === 0 && !isScript) {
    throw new PspfError(
      "build/failed",
      `Cannot pack "${path}": it is neither an ELF, PE or Mach-O program nor a script that begins with #!`,
      {
        context: { path },
        hint: "Name a program, a manifest or the directory of a project",
      },
    );
  }
  const own =
    platforms.find((one) => platformName(one) === platformName(target)) ??
      platforms[0] ?? target;
  const go = await readGoBuild(file);
  const name = basename(path).replace(/\.exe$/i, "");
  const program = own.os === "windows" ? `bin/${name}.exe` : `bin/${name}`;
  const plan = planManifest({
    package: { name, version: go?.version ?? "0.0.0" },
    execution: { argv: [`{workenv}/${program}`] },
    slots: [{
      id: "program",
      source: basename(path),
      target: program,
      purpose: "code",
      permissions: "0755",
    }],
  }, { format: "toml", name: basename(path) });
  return {
    plan,
    target: own,
    sources: new Map([["program", {
      kind: "file",
      mode: 0o755,
      open: () => reader.openSource(path),
    }]]),
    components: go === undefined ? [] : goComponents(go),
  };
}

function goComponents({ goVersion, modules }: GoBuild): readonly Component[] {
  return [
    {
      type: "platform",
      name: "go",
      version: goVersion.replace(/^go/, ""),
      purl: `pkg:golang/stdlib@${goVersion.replace(/^go/, "")}`,
      license: "BSD-3-Clause",
      description: "Go's runtime and standard library",
    },
    ...modules.map(({ path, version }): Component => ({
      type: "library",
      name: path,
      version,
      purl: `pkg:golang/${path}@${version}`,
    })),
  ];
}
