/** What the page found out. */
export interface PageReport {
  readonly hasDeno: boolean;
  readonly slotCount: number;
  readonly appended: number | undefined;
  readonly name: string;
  readonly checks: {
    readonly gzip: boolean;
    readonly zstd: boolean;
    readonly tampered: boolean;
  };
  readonly failure: string;
  readonly text: string;
  readonly files: readonly string[];
  readonly texts: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<string, readonly string[]>>;
  readonly damagedSlot: string;
  readonly notAPackage: string;
}
