import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { PspfError } from "../errors.ts";

const PEM_REGEXP =
  /^\s*-----BEGIN ([A-Z0-9 ]+)-----\s*([A-Za-z0-9+/=\s]*?)\s*-----END \1-----\s*$/;

/** One block of a PEM file. */
export interface PemBlock {
  /** What the BEGIN line says, `PRIVATE KEY` for example. */
  readonly label: string;
  /** The decoded content. */
  readonly bytes: Uint8Array;
}

/**
 * Writes one PEM block.
 *
 * @param block Label and content.
 * @returns ASCII text with a final newline, lines of 64 characters.
 */
export function encodePem({ label, bytes }: PemBlock): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""]
    .join("\n");
}

/**
 * Reads a file with exactly one PEM block.
 *
 * @param file The bytes of the file.
 * @returns The block, or `undefined` when the file is no PEM file at all.
 * @throws {PspfError} `crypto/bad-key` when it begins like one and is damaged.
 */
export function parsePem(file: Uint8Array): PemBlock | undefined {
  // Latin-1 keeps every byte apart, so that a binary key is never mistaken.
  const text = String.fromCharCode(...file);
  if (!text.trimStart().startsWith("-----BEGIN ")) return undefined;
  const [, label, base64] = PEM_REGEXP.exec(text) ?? [];
  if (label === undefined || base64 === undefined) throw damaged();
  try {
    return { label, bytes: decodeBase64(base64.replaceAll(/\s/g, "")) };
  } catch (cause) {
    throw damaged(cause);
  }
}

function damaged(cause?: unknown): PspfError {
  return new PspfError(
    "crypto/bad-key",
    "Cannot read the key: the PEM block is damaged",
    {
      hint: "The file has to hold exactly one block from BEGIN to END",
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
