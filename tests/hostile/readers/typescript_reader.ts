/** The reader of `lib/`, from bytes in memory into a real directory. @module */

import { PspfError } from "../../../lib/errors.ts";
import { DirectoryTarget } from "../../../lib/host/directory_target.ts";
import { BytesSource } from "../../../lib/io/bytes_source.ts";
import { extractSlot } from "../../../lib/read/slot_content.ts";
import { openPackage } from "../../../lib/read/open_package.ts";
import { verifyPackage } from "../../../lib/read/mod.ts";
import { ACCEPTED } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";

/** Everything `flavor verify` looks at. */
export async function verifyWithTypeScript(file: Uint8Array): Promise<Outcome> {
  return await judge(async () => {
    await using source = new BytesSource(file);
    const { checks } = await verifyPackage(source);
    const failed = checks.find(({ status }) => status === "fail");
    if (failed === undefined) return ACCEPTED;
    return {
      verdict: "refuse",
      code: failed.code ?? "",
      detail: failed.detail,
    };
  });
}

/**
 * Everything `flavor extract-all` does.
 *
 * @param file The package.
 * @param directory A fresh directory for the content of all slots.
 * @returns What it came to.
 */
export async function extractWithTypeScript(
  file: Uint8Array,
  directory: string,
): Promise<Outcome> {
  return await judge(async () => {
    await using source = new BytesSource(file);
    const opened = await openPackage(source);
    const target = new DirectoryTarget(directory, "out");
    for (const slot of opened.slots) await extractSlot(opened, slot, target);
    await target.finish();
    return ACCEPTED;
  });
}

async function judge(read: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PspfError && error.code !== "internal/bug") {
      return { verdict: "refuse", code: error.code, detail: error.message };
    }
    const detail = error instanceof Error
      ? error.stack ?? error.message
      : String(error);
    return { verdict: "crash", code: "exception", detail };
  }
}
