import { dirname } from "@std/path";

import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { TEMPLATES } from "../init_templates.ts";

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
  // All are opened before one is published, so an existing file stops it all.
  await using sinks = new AsyncDisposableStack();
  const opened = [];
  for (const { path, text, mode } of files) {
    await host.writer.makeDirectory(dirname(path));
    const sink = sinks.use(
      await host.writer.createSink(path, { mode, replace }),
    );
    await sink.write(new TextEncoder().encode(text));
    opened.push(sink);
  }
  for (const sink of opened) await sink.commit();
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
