import { join } from "@std/path";

import type { FileReader } from "../host/types.ts";
import { type HelperName, parseHelperName } from "./helper_name.ts";
import { type HelperFacts, inspectHelper } from "./inspect_helper.ts";
import { helperPlaces, type PlaceFacts } from "./launcher_places.ts";

/** A helper that was found. */
export interface Helper extends HelperName {
  /** The file's name. */
  readonly name: string;
  /** The file's path. */
  readonly path: string;
  /** The place that it was found in, for people. */
  readonly place: string;
  /** What its bytes say. */
  readonly facts: HelperFacts;
}

/**
 * Lists the native helpers of this machine. None of them is run.
 *
 * @param host Where to look.
 * @returns The helpers, place by place, sorted by name.
 * @throws {PspfError} `io/denied`
 */
export async function listHelpers(
  host: PlaceFacts & { readonly reader: FileReader },
): Promise<readonly Helper[]> {
  const helpers: Helper[] = [];
  for (const place of helperPlaces(host)) {
    for (const name of await host.reader.list(place.path)) {
      const parsed = parseHelperName(name);
      if (parsed === undefined) continue;
      const path = join(place.path, name);
      const facts = await inspectHelper(path, host.reader);
      helpers.push({ ...parsed, name, path, place: place.label, facts });
    }
  }
  return helpers;
}
