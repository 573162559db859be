import { assert, assertEquals } from "@std/assert";
import {
  fileFrameUnit,
  fnv1a32,
  FRAME_UNIT,
  FrameRule,
} from "../../lib/format/frames.ts";
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

Deno.test("a small member begins a frame from a quarter of the unit on, if its name says so", () => {
  const rule = new FrameRule(1024);
  const names = Array.from({ length: 99 }, (_, index) => `f${index}`);
  const name = names.find((name) => fnv1a32(name) >>> 30 === 0) ?? "";
  assert(rule.cutsBefore(name, 0, 256));
  assert(!rule.cutsBefore(name, 0, 255));
  const other = names.find((name) => fnv1a32(name) >>> 30 === 1) ?? "";
  assert(!rule.cutsBefore(other, 0, 1023));
  assert(rule.cutsBefore(other, 0, 1024));
  assert(!rule.cutsBefore(other, 4096, 0));
});

Deno.test("a large member is cut inside, never where it ends", () => {
  const cuts = (size: number): number[] => [
    ...new FrameRule(1024).cuts([{ path: "a", headSize: 512, size }]),
  ];
  assertEquals(cuts(1023), []);
  assertEquals(cuts(1024), [1024]);
  assertEquals(cuts(1536), [1024]);
  assertEquals(cuts(1537), [1024, 2048]);
});

Deno.test("the unit doubles only where there would be more frames than allowed", () => {
  const members = [{ path: "a", headSize: 512, size: 4 * FRAME_UNIT }];
  const unitFor = (maxCount: number): number =>
    FrameRule.for(members, maxCount).unit / FRAME_UNIT;
  assertEquals([5, 4, 3, 2, 1].map(unitFor), [1, 2, 2, 4, 8]);
});

Deno.test("no frame is longer than two units and the longest headers", () => {
  assertEquals(new FrameRule().maxFrameSize, 2 * FRAME_UNIT + 16_384);
});
