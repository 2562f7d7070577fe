import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { YamlNode } from "./node.ts";
import { parseYaml } from "./parse-yaml.ts";
import { YamlError } from "./yaml-error.ts";

/** Texts in all layouts, and what yaml-cpp c2bec4c (Falco 0.44's) answered: documents, or its error. */
const ANSWERS = new URL("../../test/fixtures/yaml-cpp-answers.json", import.meta.url);

test("parseYaml() takes what yaml-cpp takes as the same, and refuses what it refuses", () => {
  const answers = JSON.parse(readFileSync(ANSWERS, "utf8")) as [string, unknown][];
  assert.ok(answers.length > 1000);
  for (const [text, wanted] of answers) {
    const got = read(text);
    if (typeof wanted === "string") assert.ok(got instanceof YamlError, `${wanted}: ${text}`);
    else assert.deepEqual(got, wanted, text);
  }
});

/** As the answers are written: nothing is null, a map is its pairs; yaml-cpp stops at a document of nothing. */
function read(text: string): unknown {
  try {
    const documents: unknown[] = [];
    for (const node of parseYaml(text)) {
      const value = plain(node);
      if (value === null) break;
      documents.push(value);
    }
    return documents;
  } catch (thrown) {
    if (thrown instanceof YamlError) return thrown;
    throw thrown;
  }
}

function plain(node: YamlNode): unknown {
  switch (node.kind) {
    case "scalar":
      return node.isNull ? null : node.text;
    case "sequence":
      return node.items.map(plain);
    case "map":
      return { map: node.entries.map(({ key, value }) => [plain(key), plain(value)]) };
  }
}

for (const [name, text, wanted] of [
  ["a comment behind a bracket", "tags: [a, b]# note", [["tags", ["a", "b"]]]],
  ["a byte-order mark", "\uFEFF- a", ["a"]],
  ["a bracket in column 0", "items: [\n  a,\n  b\n]", [["items", ["a", "b"]]]],
  ["items in column 0", "items: [\na,\nb]", [["items", ["a", "b"]]]],
  ["tabs in a list", "items: [\n\ta,\n\tb\n\t]", [["items", ["a", "b"]]]],
  [
    "a quoted text over lines",
    'a: "x\n  y\n\n  z"\nb: c',
    [
      ["a", "x y\nz"],
      ["b", "c"],
    ],
  ],
  [
    "dashes as far left as their key",
    "a:\n- b\n- c\nd: e",
    [
      ["a", ["b", "c"]],
      ["d", "e"],
    ],
  ],
  [
    "an alias",
    "a: &x [b]\nc: *x",
    [
      ["a", ["b"]],
      ["c", ["b"]],
    ],
  ],
] as const) {
  test(`parseYaml() takes ${name}`, () => {
    const value = plain([...parseYaml(text)][0]!);
    assert.deepEqual(Array.isArray(value) ? value : (value as { map: unknown }).map, wanted);
  });
}

for (const [text, message, offset] of [
  ["a: [b", "The bracket is never closed", 3],
  ["a: [b, c}", '"}" closes "["', 8],
  ["a: b]\nc: ]", '"]" closes nothing', 9],
  ["a: @b", '"@" cannot begin a text', 3],
  ['a: "b', "Quoted text does not end", 3],
  ['a: "b\\q"', 'Unknown escape "\\q"', 5],
  ["a: *b", 'Alias "b" names nothing', 3],
  ["a: &b [*b]", 'Alias "b" stands inside of what it names', 7],
  ["- a: b\n   c: d", "A colon with a blank behind it stands where no key can be", 11],
  ["- a: b\n - c", "An entry of the list must begin with a dash here", 8],
  ["a: b\n- c", "A key of the map must stand here, with a colon behind it", 5],
  ["a: b: c", "A colon with a blank behind it stands where no key can be", 4],
  ['a: "b" c', "Text cannot follow a quoted text", 7],
  ["- ".repeat(600), "YAML is nested more than 500 levels deep", 1000],
] as const) {
  test(`parseYaml() says of ${text.slice(0, 20).replaceAll("\n", "⏎")}: ${message}`, () => {
    assert.throws(
      () => [...parseYaml(text)],
      (thrown) =>
        thrown instanceof YamlError && thrown.message === message && thrown.offset === offset,
    );
  });
}

test("parseYaml() ends with documents or a YamlError, whatever the text is", () => {
  const pieces = fc.constantFrom(
    ..."-:?[]{},#&*!|>'\"%@` \t\n\r~\\a0\0\u0004é".split(""),
    "\n  ",
    "- ",
    ": ",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (chars) => void read(chars.join(""))),
    { numRuns: 2000 },
  );
});

test("parseYaml() is linear: a long line, many lines, many aliases", () => {
  const long = "x".repeat(1 << 20);
  assert.deepEqual(read(`a: ${long}`), [{ map: [["a", long]] }]);
  assert.equal((read("- a\n".repeat(50_000)) as unknown[][])[0]?.length, 50_000);
  const aliases = `- &a [x]\n${"- *a\n".repeat(20_000)}`;
  assert.equal((read(aliases) as unknown[][])[0]?.length, 20_001);
});
