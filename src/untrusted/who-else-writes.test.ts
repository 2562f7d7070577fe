import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { whoElseWrites } from "./who-else-writes.ts";

const root = mkdtempSync(join(tmpdir(), "saker-trusted-"));
after(() => rmSync(root, { recursive: true }));
const OTHER = 12_345;
const needsRoot = process.getuid?.() === 0 ? false : "needs root, to give files away";

/** A file in a folder of its own, both with these modes and owners. */
function file(
  name: string,
  { mode = 0o644, uid = 0, gid = 0, folderMode = 0o755, folderUid = 0 } = {},
): string {
  const folder = join(root, name);
  const path = join(folder, "rules.yaml");
  mkdirSync(folder);
  writeFileSync(path, "[]");
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  chownSync(folder, folderUid, 0);
  chmodSync(folder, folderMode);
  return path;
}

test("whoElseWrites() names who may change a file beside root", { skip: needsRoot }, () => {
  const cases: readonly (readonly [string, Parameters<typeof file>[1], string | undefined])[] = [
    ["root's", {}, undefined],
    ["root's group's", { mode: 0o664 }, undefined],
    ["another's", { uid: OTHER }, `it belongs to user ${OTHER}`],
    ["a group's", { mode: 0o664, gid: OTHER }, `it may be written to by group ${OTHER}`],
    ["readable by a group", { mode: 0o640, gid: OTHER }, undefined],
    ["everybody's", { mode: 0o646 }, "it may be written to by everybody"],
    [
      "in a folder of another's",
      { folderUid: OTHER },
      `its folder "${root}/in a folder of another's" belongs to user ${OTHER}`,
    ],
    [
      "in a folder of everybody",
      { folderMode: 0o777 },
      `its folder "${root}/in a folder of everybody" may be written to by everybody`,
    ],
    ["in a sticky folder", { folderMode: 0o1777 }, undefined],
  ];
  for (const [name, values, who] of cases)
    assert.equal(whoElseWrites(file(name, values)), who, name);
});

test("whoElseWrites() looks at links and at what they lead to", { skip: needsRoot }, () => {
  const theirs = file("theirs", { uid: OTHER });
  const ours = file("ours");
  symlinkSync(theirs, join(root, "to-theirs"));
  assert.equal(whoElseWrites(join(root, "to-theirs")), `it belongs to user ${OTHER}`);
  symlinkSync(ours, join(root, "to-ours"));
  assert.equal(whoElseWrites(join(root, "to-ours")), undefined);
  lchownSync(join(root, "to-ours"), OTHER, OTHER);
  assert.equal(whoElseWrites(join(root, "to-ours")), `it belongs to user ${OTHER}`);
});

test(
  "whoElseWrites() takes a user's own file, with a group of the user's own",
  { skip: needsRoot },
  () => {
    const path = file("own", { uid: OTHER, gid: OTHER, mode: 0o664, folderUid: OTHER });
    assert.equal(whoElseWrites(path, new Set([0, OTHER])), undefined);
  },
);

test("whoElseWrites() throws for what is not there", () => {
  assert.throws(() => whoElseWrites(join(root, "absent")), /ENOENT/);
});
