/** Text-like content that both languages can make: letters of a generator, with a passage of before again and again. */
export function sharedContent(size: number): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(size);
  let state = 1;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    content[at] = at >= 5000 && at % 1000 < 300
      ? content[at - 4096 - (at >>> 12)] ?? 0
      : 97 + (state >>> 24) % 23;
  }
  return content;
}
