import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePathPrefixes } from "./path-prefixes.ts";

test("compilePathPrefixes() compares folder by folder; *, ? and [ alone make a folder a pattern", () => {
  for (const [prefix, path, expected] of [
    ["/var/log", "/var/log/x", true],
    ["/var/log", "/var/logs", false],
    ["/var/*/x", "/var/log/x/y", true],
    ["/srv/a\\b", "/srv/a\\b/c", true],
    ["../\\.../x", "../\\.../x", true],
    ["/srv/a\\b", "/srv/ab", false],
  ] as const)
    assert.equal(compilePathPrefixes([prefix])(path), expected, `${prefix} ${path}`);
});
