/** Where a manifest's sources can be. */
export interface SourcePlaces {
  /** Directory of the manifest, absolute. */
  readonly manifestDirectory: string;
  /** What `{workenv}` means in a source, absolute. */
  readonly workenvBase: string;
  /** Joins a directory and a relative path the way the host does. */
  readonly join: (directory: string, path: string) => string;
  /** Whether a path is absolute on the host. */
  readonly isAbsolute: (path: string) => boolean;
}

const ROOT = "{workenv}";

/**
 * Lists the paths at which a source is looked for: beside the manifest, then
 * below the workenv base, where the existing builders look. Two different hits
 * are an error of the manifest, because nobody can tell which was meant.
 */
export function sourceCandidates(
  source: string,
  places: SourcePlaces,
): readonly string[] {
  const { manifestDirectory, workenvBase, join, isAbsolute } = places;
  if (source === ROOT) return [workenvBase];
  if (source.startsWith(`${ROOT}/`)) {
    return [join(workenvBase, source.slice(ROOT.length + 1))];
  }
  const expanded = source.replaceAll(ROOT, workenvBase);
  if (isAbsolute(expanded)) return [expanded];
  const beside = join(manifestDirectory, expanded);
  const below = join(workenvBase, expanded);
  return beside === below ? [beside] : [beside, below];
}
