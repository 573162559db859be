import { PspfError } from "../errors.ts";

const AGE_UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** Reads `90m`, `12h`, `30d` or `4w` as milliseconds; a bare number means days. */
export function parseAge(text: string, flag: string): number {
  const [, digits, unit] = /^([0-9]{1,6})([smhdw]?)$/.exec(text) ?? [];
  const length = AGE_UNITS[unit || "d"];
  if (digits !== undefined && length !== undefined) {
    return Number(digits) * length;
  }
  throw new PspfError(
    "usage/bad-argument",
    `"${flag}" needs an age, not "${text}"`,
    {
      context: { flag, actual: text },
      hint: "Write a number and s, m, h, d or w, such as 12h or 30d",
    },
  );
}

/** Reads `500M`, `2G` or `2GiB` as bytes. */
export function parseSize(text: string, flag: string): number {
  const [, digits, unit = ""] =
    /^([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  const factor = SIZE_UNITS[unit.toUpperCase()];
  if (digits !== undefined && factor !== undefined) {
    return Math.floor(Number(digits) * factor);
  }
  throw new PspfError(
    "usage/bad-argument",
    `"${flag}" needs a size, not "${text}"`,
    {
      context: { flag, actual: text },
      hint: "Write a number and K, M, G or T, such as 500M or 2G",
    },
  );
}
