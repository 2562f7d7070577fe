import assert from "node:assert/strict";
import { test } from "node:test";
import { record } from "../../test/fixtures/records.ts";
import { container } from "../../test/fixtures/scenes.ts";
import type { Container } from "../containers/container.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "../rules/load-rules.ts";
import { renderOutput } from "../rules/output.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import { parseAccounts } from "../state/accounts.ts";
import type { Accounts } from "../state/scene.ts";
import { NOBODY, ProcessTable } from "../state/process-table.ts";
import { containerNews } from "./contained-events.ts";
import { Pipeline } from "./pipeline.ts";

const CGROUP = 77;

function ruleSet(rules: string, matching: "first" | "all" = "first") {
  const loaded = loadRules([{ name: "r.yaml", text: rules }], { fields: FIELDS });
  assert.deepEqual(loaded.files[0]?.errors, []);
  return compileRuleSet(loaded.rules, { matching });
}

/** A pipeline whose container becomes known when the test says so. */
function pipelineWith(
  rules: string,
  matching: "first" | "all" = "first",
  accounts: Accounts = parseAccounts("", ""),
) {
  const lines: string[] = [];
  // As the registry's: one object for the container's life, filled in when the runtime answers.
  const known = container("late");
  const pending: { -readonly [Key in keyof Container]: Container[Key] } = {
    ...known,
    metadata: undefined,
    state: "pending",
  };
  let settle = (): void => {};
  const settled = new Promise<void>((resolve) => (settle = resolve));
  const processes = new ProcessTable({ capacity: 100, find: () => undefined });
  processes.set({ ...NOBODY, pid: 100, comm: "cat", startBoot: 5_000_000_000, cgroup: CGROUP });
  const pipeline = new Pipeline({
    processes,
    hostname: "test",
    utcOffsetMinutes: () => 0,
    containerOf: (cgroup) => (cgroup === CGROUP ? pending : undefined),
    accountsOf: () => accounts,
    whenSettled: () => settled.then(() => pending),
    rules: ruleSet(rules, matching),
    onMatch: (rule, scene) => lines.push(`${rule.name}: ${renderOutput(rule.output, scene)}`),
    onNotice: () => {},
    onFailure: (thrown) => lines.push(`failed: ${String(thrown)}`),
  });
  const send = (name: string, params: Parameters<typeof record>[1], cgroup = CGROUP): void => {
    const bytes = record(name, params, { context: { pid: 100, cgroup } });
    pipeline.record(bytes, new DataView(bytes.buffer), 0, bytes.length);
    // The source reuses its memory for the next batch.
    bytes.fill(0xff);
  };
  const answer = async (knows = true): Promise<void> => {
    if (knows) Object.assign(pending, { metadata: known.metadata, state: "known" });
    settle();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { pipeline, lines, send, answer };
}

const printed =
  "- rule: R\n  desc: d\n  condition: evt.type = chdir\n  output: '%container.name %evt.arg.path'\n  priority: NOTICE\n";
const asked =
  "- rule: R\n  desc: d\n  condition: evt.type = chdir and container.name = late\n  output: '%evt.arg.path'\n  priority: NOTICE\n";

test("Pipeline.record() waits with an alert that prints what only the runtime knows", async () => {
  const { lines, send, answer, pipeline } = pipelineWith(printed);
  send("chdir", { res: 0, path: "/one" });
  send("chdir", { res: 0, path: "/two" });
  assert.deepEqual(lines, []);
  await answer();
  assert.deepEqual(lines, ["R: late /one", "R: late /two"]);
  assert.equal(pipeline.stats().held, 2);
});

test("Pipeline.record() waits with a condition that asks what only the runtime knows", async () => {
  const { lines, send, answer } = pipelineWith(asked);
  send("chdir", { res: 0, path: "/one" });
  assert.deepEqual(lines, []);
  await answer();
  assert.deepEqual(lines, ["R: /one"]);
});

test("Pipeline.record() holds but so many events of one container", async () => {
  const { lines, send, answer, pipeline } = pipelineWith(printed);
  for (let index = 0; index < 5001; index += 1) send("chdir", { res: 0, path: `/${index}` });
  assert.deepEqual(lines, ["R: <NA> /5000"]);
  await answer();
  const { held, notHeld } = pipeline.stats();
  assert.deepEqual([held, notHeld, lines.length], [5000, 1, 5001]);
});

test("Pipeline.record() prints <NA> when the runtime does not answer in time, and waits but once", async () => {
  const { lines, send, answer, pipeline } = pipelineWith(printed);
  send("chdir", { res: 0, path: "/one" });
  await answer(false);
  assert.deepEqual(lines, ["R: <NA> /one"]);
  assert.equal(pipeline.stats().held, 1);
});

test("Pipeline.record() never waits for events of the host, or of rules that need no metadata", () => {
  const { lines, send } = pipelineWith(
    "- rule: R\n  desc: d\n  condition: evt.type = chdir\n  output: '%container.id %evt.arg.path'\n  priority: NOTICE\n",
  );
  send("chdir", { res: 0, path: "/here" });
  send("chdir", { res: 0, path: "/host" }, 1);
  assert.deepEqual(lines, ["R: cccccccccccc /here", "R: host /host"]);
});

test("Pipeline.record() stops at the first rule that matches, or tells of each, as it is set", async () => {
  const second = printed.replace("rule: R", "rule: S").replace("%container.name ", "");
  for (const [matching, expected] of [
    ["first", ["S: /x"]],
    ["all", ["S: /x", "R: late /x"]],
  ] as const) {
    const { lines, send, answer } = pipelineWith(`${second}${printed}`, matching);
    send("chdir", { res: 0, path: "/x" });
    await answer();
    assert.deepEqual(lines, expected);
  }
});

const free = (name: string, event = "chdir"): string =>
  `- rule: ${name}\n  desc: d\n  condition: evt.type = ${event}\n  output: '%evt.type'\n  priority: NOTICE\n`;

test("Pipeline.rules takes effect between two events, for events that no rule asked for, too", () => {
  const { pipeline, lines, send } = pipelineWith(free("Old"));
  send("chdir", { res: 0, path: "/1" });
  send("fchdir", { res: 0, fd: 3 });
  pipeline.rules = ruleSet(free("New") + free("Further", "fchdir"));
  send("chdir", { res: 0, path: "/2" });
  send("fchdir", { res: 0, fd: 3 });
  pipeline.rules = ruleSet(free("Last", "fchdir"));
  send("chdir", { res: 0, path: "/3" });
  assert.deepEqual(lines, ["Old: chdir", "New: chdir", "Further: fchdir"]);
});

for (const [what, rules] of [
  ["condition", asked],
  ["output", printed],
] as const) {
  test(`Pipeline.rules leaves events whose ${what} waits for metadata to the rules that they met`, async () => {
    const { pipeline, lines, send, answer } = pipelineWith(`${rules}${free("Second")}`, "all");
    send("chdir", { res: 0, path: "/one" });
    pipeline.rules = ruleSet(free("New"), "first");
    send("chdir", { res: 0, path: "/two" });
    await answer();
    assert.deepEqual(lines.toSorted(), [
      "New: chdir",
      what === "condition" ? "R: /one" : "R: late /one",
      "Second: chdir",
    ]);
  });
}

for (const [where, rules] of [
  ["condition", "evt.type = chdir and user.name = inside\n  output: '%user.name'"],
  ["output", "evt.type = chdir\n  output: '%user.name'"],
] as const) {
  test(`Pipeline.record() waits for names that a rule's ${where} asks for while they are read`, async () => {
    const read = parseAccounts("inside:x:0:0::/:/bin/sh\n", "");
    let [names, isReading] = [parseAccounts("", ""), true];
    const { promise, resolve } = Promise.withResolvers<void>();
    const accounts: Accounts = {
      userName: (uid) => names.userName(uid),
      userHome: () => undefined,
      userShell: () => undefined,
      groupName: () => undefined,
      reading: () => (isReading ? promise : undefined),
    };
    const rule = `- rule: R\n  desc: d\n  condition: ${rules}\n  priority: NOTICE\n`;
    const { lines, send, pipeline } = pipelineWith(rule, "first", accounts);
    // On the host, too: the container's own metadata has nothing to do with it.
    for (const cgroup of [CGROUP, 1]) send("chdir", { res: 0, path: "/x" }, cgroup);
    assert.deepEqual(lines, []);
    [names, isReading] = [read, false];
    resolve();
    await new Promise((done) => setImmediate(done));
    send("chdir", { res: 0, path: "/x" }, 1);
    // One waits for the runtime as well, as who has to wait waits for all.
    assert.deepEqual(lines, ["R: inside", "R: inside"]);
    assert.equal(pipeline.stats().held, 2);
  });
}

test("Pipeline.record() counts what is no record and goes on", () => {
  const { lines, send, pipeline } = pipelineWith(printed.replace("%container.name ", ""));
  pipeline.record(new Uint8Array(10), new DataView(new ArrayBuffer(10)), 0, 10);
  send("chdir", { res: 0, path: "/x" });
  const stats = pipeline.stats();
  assert.deepEqual(
    [lines, stats.malformed, stats.events, stats.byType.get("chdir")],
    [["R: /x"], 1, 1, 1],
  );
});

test("Pipeline.tell() asks rules on evt.type = container about a container", () => {
  const rule =
    "- rule: C\n  desc: d\n  condition: evt.type = container and container.name = web\n  output: '%evt.type %container.name %evt.asynctype'\n  priority: NOTICE\n";
  const { lines, pipeline } = pipelineWith(rule);
  for (const name of ["web", "db"]) {
    const told = container(name);
    pipeline.tell(containerNews(told, 1n), told);
  }
  assert.deepEqual(lines, ["C: container web container"]);
  assert.equal(pipeline.stats().events, 2);
});
