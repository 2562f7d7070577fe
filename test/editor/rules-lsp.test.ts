import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Editor } from "../fixtures/language-server.ts";
import { saker } from "../fixtures/saker.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const TEXT = `- macro: from_shell
  condition: (proc.pname in (sh, bash))
- rule: Mine
  desc: d
  condition: >
    evt.type = open and from_shell
    and fd.name startswith /etc
  output: "%proc.cmdline %container.name"
  priority: WARNING
`;

describe("saker rules lsp", () => {
  const editor = new Editor([process.execPath, MAIN, "rules", "lsp"]);
  before(() => editor.start());
  after(() => editor.stop());

  let documents = 0;
  const opened = (text: string): string => {
    documents += 1;
    const uri = `file:///tmp/${documents}.yaml`;
    editor.open(uri, text);
    return uri;
  };

  test("underlines nothing in a file that is right", async () => {
    assert.deepEqual(await editor.problems(opened(TEXT)), []);
  });

  test("underlines every error with its place and what may be meant", async () => {
    const uri = opened(
      TEXT.replace("fd.name", "fd.nme").replace("and from_shell", "and from_shel"),
    );
    const problems = await editor.problems(uri);
    assert.deepEqual(
      problems.map(({ message, range: { start } }) => [start.line, start.character, message]),
      [
        [5, 24, 'Undefined macro "from_shel" used in the condition (did you mean "from_shell"?)'],
        [6, 8, 'unknown field "fd.nme" (did you mean "fd.name"?)'],
        [0, 2, "Macro not referred to by any other rule/macro"],
      ],
    );
  });

  test("completes fields, macros and events within a condition, and fields in an output", async () => {
    const uri = opened(TEXT);
    const condition = await editor.completions(uri, 5, 30);
    const labels = new Set(condition.map(({ label }) => label));
    for (const label of ["from_shell", "spawned_process", "proc.aname", "openat", "shell_binaries"])
      assert.ok(labels.has(label), label);
    const macro = condition.find(({ label }) => label === "from_shell");
    assert.equal(macro?.documentation, "(proc.pname in (sh, bash))");
    const output = new Set((await editor.completions(uri, 7, 14)).map(({ label }) => label));
    assert.ok(output.has("proc.cmdline") && !output.has("from_shell"));
  });

  test("explains fields and macros where the mouse rests", async () => {
    const uri = opened(TEXT);
    assert.equal(await editor.hover(uri, 5, 26), "macro from_shell\n\n(proc.pname in (sh, bash))");
    assert.match(await editor.hover(uri, 6, 10), /^field fd\.name\n\n\w/);
    assert.equal(await editor.hover(uri, 8, 4), "");
  });

  test("still completes what was defined while the file cannot be read", async () => {
    const uri = opened(TEXT);
    await editor.problems(uri);
    editor.change(uri, `${TEXT}- rule: [\n  condition: \n`);
    assert.ok((await editor.problems(uri)).length > 0);
    const labels = (await editor.completions(uri, 10, 13)).map(({ label }) => label);
    assert.ok(labels.includes("from_shell"));
  });

  test("says what is no message of an editor, exit code 2", async () => {
    for (const input of ["hello\r\n\r\n", "Content-Length: 2\r\n\r\nno", "x".repeat(2000)]) {
      const { code, err } = await saker(["rules", "lsp"], { input });
      assert.equal(code, 2);
      assert.match(err, /Cannot read a message of the editor/);
    }
  });
});
