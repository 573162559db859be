import { format } from "@std/fmt/bytes";

/**
 * A number of bytes for people, in powers of 1024.
 *
 * @param bytes The number.
 * @returns Such as `1.5 MiB`.
 */
export function formatSize(bytes: number): string {
  return format(Math.round(bytes), {
    binary: true,
    maximumFractionDigits: 1,
  }).replace("kiB", "KiB");
}
