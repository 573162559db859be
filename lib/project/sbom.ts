/** A part of a package that somebody else made. */
export interface Component {
  readonly type: "library" | "application" | "platform";
  readonly name: string;
  readonly version: string;
  /** Package URL, where there is one. */
  readonly purl?: string | undefined;
  /** SPDX expression, or the words of its authors. */
  readonly license?: string | undefined;
  readonly description?: string | undefined;
  /** Digests of the file that it came in, in hex. */
  readonly hashes?:
    | readonly {
      readonly alg: "SHA-256" | "SHA-512";
      readonly content: string;
    }[]
    | undefined;
}
