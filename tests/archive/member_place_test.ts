import { assertEquals } from "@std/assert";
import {
  type MemberPlace,
  placeMember,
} from "../../lib/archive/member_place.ts";
import { makePax, makeTar } from "../support/make_tar.ts";
import { rejectsCode } from "../support/throws_code.ts";

async function place(archive: Uint8Array): Promise<readonly MemberPlace[]> {
  const places: MemberPlace[] = [];
  for (let at = 0;; at = places.at(-1)?.end ?? 0) {
    const found = await placeMember(
      (offset, length) =>
        Promise.resolve(archive.subarray(offset, offset + length)),
      at,
    );
    if (found === undefined) return places;
    places.push(found);
  }
}

Deno.test("placeMember() finds members of all kinds, one behind the other", async () => {
  const long = `${"d/".repeat(80)}name`;
  const archive = makeTar([
    { name: "bin/", type: "5", mode: "0000755\0" },
    { name: "bin/app", content: "hello", mode: "0004751\0" },
    { name: "bin/link", type: "2", link: "app" },
    { name: "bin/same", type: "1", link: "bin/app" },
    { name: "x", type: "x", content: makePax({ path: long }) },
    { name: "short", content: "y".repeat(513) },
    { name: "x", type: "x", content: makePax({ linkpath: long }) },
    { name: "far", type: "2" },
    { name: "pipe", type: "6" },
  ]);
  const places = await place(archive);
  assertEquals(
    places.map(({ kind, path, mode, target, size }) =>
      [kind, path, mode.toString(8), target, size].join(" ")
    ),
    [
      "directory bin 755  0",
      "file bin/app 751  5",
      "symlink bin/link 644 app 0",
      "hardlink bin/same 644 bin/app 0",
      `file ${long} 644  513`,
      `symlink far 644 ${long} 0`,
      "other pipe 644  0",
    ],
  );
  const [, app] = places;
  const text = archive.subarray(app?.content, (app?.content ?? 0) + 5);
  assertEquals(new TextDecoder().decode(text), "hello");
});

Deno.test("placeMember() refuses damaged heads", async () => {
  const good = makeTar([{ name: "a", content: "hello" }]);
  for (const at of [0, 100, 124, 150, 257]) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 1;
    await rejectsCode("archive/bad-entry", () => place(bad));
  }
  // What a reader of the header skips would be taken for the next member.
  const hidden = makeTar([
    { name: "x", type: "x", content: makePax({ size: "5" }) },
    { name: "a", content: "hello" },
  ]);
  await rejectsCode("archive/bad-entry", () => place(hidden));
});
