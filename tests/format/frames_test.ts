import { assertEquals } from "@std/assert";
import { fileFrameUnit, fnv1a32, FrameRule } from "../../lib/format/frames.ts";
import { frameRuleFor, writeTar } from "../../lib/archive/write_tar.ts";
import { MemoryTree } from "@flavor/pspf/io";
import vectors from "../vectors/frames.json" with { type: "json" };

for (const { text, hash } of vectors.fnv1a32) {
  Deno.test(`fnv1a32() hashes ${JSON.stringify(text)}`, () => {
    assertEquals(fnv1a32(text), hash);
  });
}

for (const one of vectors.cases) {
  Deno.test(`frames are cut as in the vector "${one.name}"`, () => {
    if (one.members === undefined) {
      const unit = fileFrameUnit(one.size ?? 0);
      assertEquals(unit, one.unit);
      const count = Math.max(1, Math.ceil((one.size ?? 0) / unit));
      assertEquals(count, one.count ?? (one.cuts?.length ?? 0) + 1);
      return;
    }
    const members = one.members.map(({ path, head, size }) => ({
      path,
      headSize: head,
      size,
    }));
    const rule = FrameRule.for(members, one.max_frames);
    assertEquals(rule.unit, one.unit);
    assertEquals([...rule.cuts(members)], one.cuts);
  });
}

for (const one of vectors.cases) {
  const { members } = one;
  if (members === undefined || one.max_frames !== undefined) continue;
  Deno.test(`writeTar() cuts as in the vector "${one.name}"`, async () => {
    const tree = new MemoryTree(Object.fromEntries(
      members.map(({ path, size }) => [path, {
        content: new Uint8Array(size),
      }]),
    ));
    const listed = members.map(({ path, size }) => ({
      kind: "file" as const,
      path,
      mode: 0o644,
      size,
      source: path,
    }));
    const rule = frameRuleFor(listed);
    const ends: number[] = [];
    for await (const frame of writeTar(tree, listed, { rule })) {
      ends.push((ends.at(-1) ?? 0) + frame.length);
    }
    assertEquals(ends.pop(), one.total);
    assertEquals(ends, one.cuts);
  });
}
