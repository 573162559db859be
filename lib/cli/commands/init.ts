import { dirname } from "@std/path";

import type { FileWriter } from "../../host/types.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { type TemplateFile, TEMPLATES } from "../init_templates.ts";
import { withExistsHint } from "../with_exists_hint.ts";

/**
 * `flavor init`: writes a manifest and the first files of an application.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `io/exists`, `io/denied`
 */
export async function runInit(
  command: CommandOf<"init">,
  { host, output }: CommandContext,
): Promise<void> {
  const { template, force: replace } = command.flags;
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
