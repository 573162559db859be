import { dirname } from "@std/path";

import { isPspfError } from "../../errors.ts";
import { parsePlatform } from "../../launchers/platform.ts";
import {
  findSubject,
  openPackInput,
  type Subject,
} from "../../project/pack_input.ts";
import type { ProjectKind } from "../../project/project.ts";
import { writeProjectManifest } from "../../project/write_manifest.ts";
import type { FileWriter } from "../../host/types.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { withExistsHint } from "./keygen.ts";

/** A file that `flavor init` writes. */
interface TemplateFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

const PACKAGE = `# What "flavor pack" reads. Every key: docs/manifest.md

[package]
name = "hello"
version = "0.1.0"
description = "Says hello"
`;

/** The templates, by name. */
export const TEMPLATES: Readonly<
  Record<"script" | "directory", readonly TemplateFile[]>
> = {
  script: [
    {
      path: "flavor.toml",
      mode: 0o644,
      text: `${PACKAGE}
[execution]
# {workenv} is the directory that the package is extracted into.
command = "{workenv}/bin/hello"

# One program. Its mode is kept, so it has to be executable.
[[slots]]
id = "program"
source = "hello.sh"
target = "bin/hello"
purpose = "code"
`,
    },
    {
      path: "hello.sh",
      mode: 0o755,
      text: `#!/bin/sh
echo "Hello from \${FLAVOR_PACKAGE:-hello} \${FLAVOR_VERSION:-}, arguments: $*"
`,
    },
  ],
  directory: [
    {
      path: "flavor.toml",
      mode: 0o644,
      text: `${PACKAGE}
[execution]
# {workenv} is the directory that the package is extracted into.
command = "{workenv}/app/run.sh"

# A whole directory, packed as one archive.
[[slots]]
id = "app"
source = "app"
target = "app"
purpose = "code"
exclude = ["*.tmp", ".git/"]
`,
    },
    {
      path: "app/run.sh",
      mode: 0o755,
      text: `#!/bin/sh
cat "$FLAVOR_WORKENV/app/greeting.txt"
echo "arguments: $*"
`,
    },
    { path: "app/greeting.txt", mode: 0o644, text: "Hello from a directory\n" },
  ],
};

/** `flavor init`: writes a manifest and the first files of an application. */
export async function runInit(
  command: CommandOf<"init">,
  { host, output }: CommandContext,
): Promise<void> {
  const { template, as, entry, runtime, force: replace } = command.flags;
  const subject = await projectHere(as, host);
  if (subject !== undefined) {
    await using input = await openPackInput(subject, {
      target: parsePlatform(host.machine.platform),
      overrides: { entry, runtime },
      say: (text) => output.note(text),
    }, host);
    const written = await withExistsHint(
      "Use --force to replace what is there",
      () => writeProjectManifest(input, replace, host),
    );
    return output.report(
      { project: subject.kind, files: written },
      () =>
        [...written.map((path) => `wrote ${path}`), "Next: flavor pack"]
          .join("\n"),
    );
  }
  const files = TEMPLATES[template];
  await withExistsHint(
    replace
      ? "Start in another directory with -C DIR"
      : "Start in another directory with -C DIR, or use --force to replace what is there",
    () => writeFiles(files, replace, host.writer),
  );
  const paths = files.map(({ path }) => path);
  output.report(
    { template, files: paths },
    () =>
      [
        ...paths.map((path) => `wrote ${path}`),
        "Next: flavor pack && dist/hello.psp",
      ].join("\n"),
  );
}

/** The project in this directory, where there is one and no manifest yet. */
async function projectHere(
  as: ProjectKind | undefined,
  host: CommandContext["host"],
): Promise<Subject | undefined> {
  // The directory that -C names may not be there yet.
  if (await host.reader.facts(".") === undefined) return undefined;
  try {
    const subject = await findSubject(".", as, host);
    return subject.kind === "manifest" ? undefined : subject;
  } catch (error) {
    if (isPspfError(error, "io/not-found")) return undefined;
    throw error;
  }
}

/** All are opened before one is published: an existing file stops it all. */
async function writeFiles(
  files: readonly TemplateFile[],
  replace: boolean,
  writer: FileWriter,
): Promise<void> {
  await using sinks = new AsyncDisposableStack();
  const opened = [];
  for (const { path, text, mode } of files) {
    await writer.makeDirectory(dirname(path));
    const sink = sinks.use(await writer.createSink(path, { mode, replace }));
    await sink.write(new TextEncoder().encode(text));
    opened.push(sink);
  }
  for (const sink of opened) await sink.commit();
}
