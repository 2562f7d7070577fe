import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ALL_FIELDS } from "../../src/fields/registry.ts";
import { rulesSchema } from "../../src/rules/json-schema.ts";
import { Editor } from "../fixtures/language-server.ts";

const SERVER = fileURLToPath(import.meta.resolve("yaml-language-server/bin/yaml-language-server"));

/** The rules schema as editors have it: in the language server that VS Code, Neovim and others run. */
describe("the JSON Schema of rules files in yaml-language-server", () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-editor-"));
  const schema = join(folder, "rules.schema.json");
  writeFileSync(schema, JSON.stringify(rulesSchema(ALL_FIELDS)));
  const editor = new Editor([process.execPath, SERVER, "--stdio"], {
    yaml: {
      schemas: { [pathToFileURL(schema).href]: "*_rules.yaml" },
      completion: true,
      hover: true,
      validate: true,
      schemaStore: { enable: false },
    },
  });
  before(async () => {
    await editor.start();
    // It asks for its settings, and reads the schema, when it likes.
    while ((await labels("- |")).length === 0) await setImmediate();
  });
  after(async () => {
    await editor.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  let documents = 0;
  /** Opens a text; `|` is where the cursor stands. */
  function opened(text: string) {
    documents += 1;
    const uri = `file:///tmp/${documents}_rules.yaml`;
    const at = text.indexOf("|");
    const head = text.slice(0, at).split("\n");
    editor.open(uri, text.slice(0, at) + text.slice(at + 1));
    return { uri, line: head.length - 1, character: head.at(-1)?.length ?? 0 };
  }
  const labels = async (text: string): Promise<readonly string[]> => {
    const { uri, line, character } = opened(text);
    return (await editor.completions(uri, line, character)).map(({ label }) => label);
  };
  const hover = async (text: string): Promise<string> => {
    const { uri, line, character } = opened(text);
    return editor.hover(uri, line, character);
  };

  test("completes kinds of items, keys, priorities and what override may do", async () => {
    const kinds = await labels("- |");
    for (const kind of ["rule", "macro", "list", "count", "sequence", "required_engine_version"])
      assert.ok(kinds.includes(kind), `${kind} in ${kinds.join(" ")}`);
    const keys = await labels("- rule: R\n  desc: d\n  |\n");
    for (const key of ["condition", "output", "priority", "exceptions", "skip-if-unknown-filter"])
      assert.ok(keys.includes(key), `${key} in ${keys.join(" ")}`);
    const priorities = await labels("- rule: R\n  priority: |\n");
    for (const priority of ["Emergency", "WARNING", "debug"])
      assert.ok(priorities.includes(priority), priority);
    assert.deepEqual(await labels("- rule: R\n  condition: x\n  override:\n    condition: |\n"), [
      "append",
      "replace",
    ]);
    const counted = await labels("- count: C\n  |\n");
    for (const key of ["rules", "by", "threshold", "within"]) assert.ok(counted.includes(key), key);
  });

  test("completes fields where a field stands, with what each is", async () => {
    for (const text of [
      "- count: C\n  by:\n    - |\n",
      "- rule: R\n  exceptions:\n    - name: x\n      fields:\n        - |\n",
    ]) {
      const { uri, line, character } = opened(text);
      const items = await editor.completions(uri, line, character);
      const names = items.map(({ label }) => label);
      for (const { name } of ALL_FIELDS) assert.ok(names.includes(name), name);
      const found = items.find(({ label }) => label === "proc.pname");
      assert.match(JSON.stringify(found?.documentation), /parent/i);
    }
  });

  test("explains keys and fields where the mouse rests", async () => {
    assert.match(await hover("- rule: R\n  cond|ition: x\n"), /Which events the rule is for/);
    assert.match(await hover("- count: C\n  by:\n    - container.|id\n"), /container/i);
    assert.match(await hover("- count: C\n  with|in: 5m\n"), /most time from the first match/);
  });

  test("underlines what is no rules file, and nothing in one", async () => {
    const wrong = opened("- rule: R\n  desc: d\n  condition: a\n  output: o\n  priority: LOUD\n|");
    const [problem] = await editor.problems(wrong.uri);
    assert.equal(problem?.range.start.line, 4, problem?.message);
    const right = opened(
      '- rule: R\n  desc: d\n  condition: a\n  output: o\n  priority: INFO\n  exceptions:\n    - {name: e, fields: ["proc.aname[2]"], values: [[x]]}\n- count: C\n  desc: d\n  rules: [R]\n  by: [proc.sid]\n  threshold: 5\n  within: 2m\n  output: o\n  priority: INFO\n|',
    );
    assert.deepEqual(await editor.problems(right.uri), []);
  });
});
