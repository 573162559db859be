import { IS_ROOT } from "./scratch.ts";
import { runCommand } from "./run_command.ts";

const FLAGS: readonly string[] = IS_ROOT
  ? ["--mount"]
  : ["--mount", "--map-root-user"];

/**
 * A command that may mount what it likes without anybody noticing.
 *
 * @param script What `sh` runs.
 * @param args Its positional parameters.
 * @returns Program and arguments.
 */
export function inMountNamespace(
  script: string,
  ...args: readonly string[]
): readonly string[] {
  return ["unshare", ...FLAGS, "--", "sh", "-eu", "-c", script, "sh", ...args];
}

/** Whether this machine lets us have mount namespaces; some forbid them to ordinary users. */
export async function canMount(): Promise<boolean> {
  const { code } = await runCommand(
    inMountNamespace("mount -t tmpfs tmpfs /mnt"),
  );
  return code === 0;
}
