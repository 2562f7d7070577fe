import assert from "node:assert/strict";
import { test } from "node:test";
import { joinPath } from "./path.ts";

for (const [directory, path, expected] of [
  ["/", "a", "/a"],
  ["/srv/", "../a/./b//c/", "/a/b/c"],
  ["/srv", "../../../a", "/a"],
  ["/srv", "/a/../b", "/b"],
  ["/srv", "", "/srv"],
  ["/", "/", "/"],
  ["/a", "..b/.c", "/a/..b/.c"],
] as const) {
  test(`joinPath() makes ${expected} of ${directory} and ${path}`, () => {
    assert.equal(joinPath(directory, path), expected);
  });
}
