import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "./load-rules.ts";
import { ruleCosts } from "./rule-cost.ts";

/** The costs of rules A, B, … with these conditions, the dearest first. */
function costs(...conditions: readonly string[]) {
  const text = conditions
    .map(
      (condition, index) =>
        `- rule: ${"ABCDEF"[index]}\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: NOTICE\n`,
    )
    .join("");
  const loaded = loadRules([{ name: "r.yaml", text }], { fields: FIELDS });
  assert.deepEqual(loaded.files[0]?.errors, []);
  return ruleCosts(loaded.rules);
}

const order = (...conditions: readonly string[]): string =>
  costs(...conditions)
    .map(({ rule }) => rule.name)
    .join("");

test("ruleCosts() puts rules of hot events before those of rare ones", () => {
  const [first, second, ...rest] = costs(
    "evt.type = execve and proc.name = a",
    "evt.type in (read, write) and proc.name = a",
  );
  assert.deepEqual(
    [first?.rule.name, first?.rate, first?.eventCount, first?.comparisons],
    ["B", "hot", 2, 2],
  );
  assert.deepEqual(first?.reasons, [
    "asked on hot events: read, write",
    "the only rule that asks for read, write",
  ]);
  assert.deepEqual(
    [second?.rule.name, second?.rate, second?.reasons],
    ["A", "rare", ["cheap comparisons on rare events"]],
  );
  assert.ok((first?.score ?? 0) > 100 * (second?.score ?? 0));
  assert.equal(rest.length, 0);
});

test("ruleCosts() counts an event against the rule that alone asks for it", () => {
  const [shared] = costs("evt.type = read and proc.name = a", "evt.type = read and proc.name = b");
  const [alone] = costs("evt.type = read and proc.name = a");
  assert.equal((alone?.score ?? 0) - (shared?.score ?? 0), 20_000);
  assert.deepEqual(shared?.reasons, ["asked on hot events: read"]);
});

for (const [dear, cheap, reason] of [
  ['proc.cmdline regex "a.*b"', "proc.cmdline = ab", "regex on proc.cmdline"],
  ["fd.name glob /a/*", "fd.name = /a/b", "glob on fd.name"],
  ["proc.cmdline contains a", "proc.name contains a", "searches long texts: proc.cmdline"],
  ["tolower(proc.args) contains a", "proc.name contains a", "searches long texts: proc.args"],
  ["proc.aname = a", "proc.pname = a", "walks ancestors: proc.aname"],
  ["proc.aname[3] = a", "proc.aname[1] = a", "walks ancestors: proc.aname"],
] as const) {
  test(`ruleCosts() takes ${dear} for dearer than ${cheap}, and says why`, () => {
    assert.equal(order(`evt.type = open and ${cheap}`, `evt.type = open and ${dear}`), "BA");
    assert.ok(
      costs(`evt.type = open and ${dear}`, "evt.type = open")[0]?.reasons.includes(reason),
      JSON.stringify(costs(`evt.type = open and ${dear}`)[0]?.reasons),
    );
  });
}

test("ruleCosts() says what waits for a container's metadata", () => {
  assert.deepEqual(costs("evt.type = execve and container.image.repository = a")[0]?.reasons, [
    "its events wait for the container's metadata: container.image.repository",
  ]);
});

test("ruleCosts() takes a cheap comparison in front for cheaper: what is behind a false one is not made", () => {
  assert.equal(
    order(
      'evt.type = open and proc.cmdline regex "a.*b" and proc.tty = 0',
      'evt.type = open and proc.tty = 0 and proc.cmdline regex "a.*b"',
    ),
    "AB",
  );
});

test("ruleCosts() counts a macro's comparisons wherever it stands, and tells of many", () => {
  const many = Array.from({ length: 60 }, (_, index) => `proc.name = n${index}`).join(" or ");
  const [cost] = costs(`evt.type = execve and (${many})`);
  assert.deepEqual([cost?.comparisons, cost?.reasons], [61, ["61 comparisons"]]);
});

test("ruleCosts() has a place for rules that match no event", () => {
  const [cost] = costs("evt.type = open and evt.type = creat");
  assert.deepEqual([cost?.score, cost?.rate, cost?.reasons], [0, undefined, ["matches no event"]]);
});
