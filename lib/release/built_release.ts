/** What a release knows of itself. */
export interface BuiltRelease {
  /** The commit that it was made from, 40 hexadecimal digits. */
  readonly commit: string | undefined;
  /** The public key that releases are signed with, 64 hexadecimal digits. */
  readonly publicKey: string | undefined;
}

/** Unknown in a checkout: a release writes this file into what it publishes. */
export const BUILT_RELEASE: BuiltRelease = {
  commit: undefined,
  publicKey: undefined,
};
