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
  readonly zstdSlot: string;
  readonly notAPackage: string;
}
