import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { checkCost } from "./rules-cost.ts";

const RULES = `- rule: Rare
  desc: d
  condition: evt.type = execve and proc.name = a
  output: o
  priority: NOTICE
- rule: Hot
  desc: d
  condition: evt.type = read and fd.name contains a
  output: o
  priority: NOTICE
- rule: Off
  desc: d
  condition: evt.type = write
  output: o
  priority: NOTICE
  enabled: false
`;

/** What `checkCost` prints of a file with this text. */
function printed(t: TestContext, rules: string, options: { readonly json?: boolean }) {
  const folder = mkdtempSync(join(tmpdir(), "saker-cost-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "r.yaml");
  writeFileSync(file, rules);
  let text = "";
  const write = t.mock.method(process.stdout, "write", (piece: string) => {
    text += piece;
    return true;
  });
  checkCost([file], options);
  // The runner's own words go the same way.
  write.mock.restore();
  return { lines: text.split("\n").slice(0, -1), file };
}

test("checkCost() prints the rules that are on, the dearest first, with reasons", (t) => {
  const { lines } = printed(t, RULES, {});
  assert.match(lines[0] ?? "", /RULE +COST +EVENTS +COMPARISONS +WHY/);
  assert.match(
    lines[1] ?? "",
    /^Hot +\d+ +1 \(hot\) +2 +asked on hot events: read; the only rule that asks for read$/,
  );
  assert.match(lines[2] ?? "", /^Rare +\d+ +1 \(rare\) +2 +cheap comparisons on rare events$/);
  assert.equal(lines.length, 3);
});

test("checkCost() prints one JSON object a rule", (t) => {
  const { lines, file } = printed(t, RULES, { json: true });
  const [hot, rare] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    { ...hot, score: 0, perEvent: 0 },
    {
      name: "Hot",
      file,
      score: 0,
      rate: "hot",
      events: ["read"],
      comparisons: 2,
      perEvent: 0,
      reasons: ["asked on hot events: read", "the only rule that asks for read"],
    },
  );
  assert.equal(rare?.["name"], "Rare");
});
