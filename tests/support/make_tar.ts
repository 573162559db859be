/** A tar writer for tests that writes whatever it is told, right or wrong. */

/** One member; every field can be made hostile. */
export interface TarInput {
  readonly name: string | Uint8Array;
  readonly type?: string;
  readonly mode?: string;
  readonly link?: string | Uint8Array;
  readonly content?: Uint8Array | string;
  /** The size field, when it shall differ from the content. */
  readonly size?: Uint8Array | string;
  readonly magic?: string;
  readonly prefix?: string;
  readonly checksum?: string;
}

const encode = (text: Uint8Array | string): Uint8Array =>
  typeof text === "string" ? new TextEncoder().encode(text) : text;

/** Writes members and, unless told otherwise, the two blocks that end an archive. */
export function makeTar(
  members: readonly TarInput[],
  isEnded = true,
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const member of members) {
    const content = encode(member.content ?? "");
    const header = new Uint8Array(512);
    header.set(encode(member.name).subarray(0, 100));
    header.set(encode(member.mode ?? "0000644\0"), 100);
    header.set(encode("0000000\0"), 108);
    header.set(encode("0000000\0"), 116);
    header.set(
      encode(
        member.size ?? `${content.length.toString(8).padStart(11, "0")}\0`,
      ),
      124,
    );
    header.set(encode("00000000000\0"), 136);
    header.set(encode(member.type ?? "0"), 156);
    header.set(encode(member.link ?? "").subarray(0, 100), 157);
    header.set(encode(member.magic ?? "ustar\x0000"), 257);
    header.set(encode(member.prefix ?? ""), 345);
    header.fill(32, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(
      encode(member.checksum ?? `${sum.toString(8).padStart(6, "0")}\0 `),
      148,
    );
    const padded = new Uint8Array(Math.ceil(content.length / 512) * 512);
    padded.set(content);
    parts.push(header, padded);
  }
  if (isEnded) parts.push(new Uint8Array(1024));
  const size = parts.reduce((total, part) => total + part.length, 0);
  const archive = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

/** Encodes PAX records. */
export function makePax(records: Readonly<Record<string, string>>): Uint8Array {
  const lines = Object.entries(records).map(([key, value]) => {
    const body = encode(` ${key}=${value}\n`).length;
    let length = body + 1;
    while (String(length).length + body !== length) length++;
    return `${length} ${key}=${value}\n`;
  });
  return encode(lines.join(""));
}
