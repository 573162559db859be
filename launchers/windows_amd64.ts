export const launcher: { size: number; zstd: string } | undefined = undefined;
