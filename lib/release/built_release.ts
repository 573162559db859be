/** What a release knows of itself. */
export interface BuiltRelease {
  /** Where releases live; below it `latest/download/FILE` and `download/vVERSION/FILE`. */
  readonly releases: string;
  /** The commit that it was made from, 40 hexadecimal digits. */
  readonly commit?: string | undefined;
  /** The public key that releases are signed with, 64 hexadecimal digits. */
  readonly publicKey?: string | undefined;
}

/** Of a checkout, which is none: a release writes this constant into what it publishes. */
export const BUILT_RELEASE: BuiltRelease = {
  releases: "https://flavor.example/releases",
};
