import assert from "node:assert/strict";
import { test } from "node:test";
import { getopt, getoptValue, UNARY_TRANSFORMERS } from "./transformers.ts";

for (const [args, options, found] of [
  [["-ab", "-c"], "abc", ["a", "b", "c"]],
  [["-t", "v1", "-tv2"], "t:", ["t", "v1", "t", "v2"]],
  [["-t"], "t:", [""]],
  [["-x", "-n"], "n", ["?", "n"]],
  [["--long", "-n"], "n", ["n"]],
  [["-n", "--", "-t"], "nt", ["n"]],
  [["-n", "file", "-t"], "nt", ["n"]],
  [["-"], "n", []],
] as const) {
  test(`getopt() of ${args.join(" ")} with ${options}`, () => {
    assert.deepEqual(getopt(args, options), found);
  });
}

for (const [args, options, letter, value] of [
  [["-t", "v1", "-t", "v2"], "t:", "t", "v2"],
  [["-n"], "nt:", "n", "n"],
  [["-n"], "nt:", "t", undefined],
  [["-t"], "t:", "t", ""],
] as const) {
  test(`getoptValue() of ${args.join(" ")} for ${letter}`, () => {
    assert.equal(getoptValue(args, options, letter), value);
  });
}

for (const [name, value, expected] of [
  ["tolower", "ÄB", "Äb"],
  ["toupper", "äb", "äB"],
  ["basename", "/a/b", "b"],
  ["basename", "/a/", ""],
  ["b64", "aGk=", "hi"],
  ["b64", "not base64", undefined],
  ["len", "é", 2],
  ["len", ["a", "b"], 2],
  ["tolower", ["A", "B"], ["a", "b"]],
] as const) {
  test(`${name}() of ${JSON.stringify(value)}`, () => {
    assert.deepEqual(UNARY_TRANSFORMERS[name].apply(value), expected);
  });
}
