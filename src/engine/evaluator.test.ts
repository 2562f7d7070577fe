import assert from "node:assert/strict";
import { test } from "node:test";
import { container, scene } from "../../test/fixtures/scenes.ts";
import type { Container } from "../containers/container.ts";
import { FIELDS } from "../fields/registry.ts";
import { loadRules } from "../rules/load-rules.ts";
import { renderOutput } from "../rules/output.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import type { CurrentScene } from "../state/current-scene.ts";
import type { Accounts } from "../state/scene.ts";
import { Evaluator, type EvaluatorOptions } from "./evaluator.ts";

const rule = (name: string, condition: string, output: string): string =>
  `- {rule: ${name}, desc: d, condition: "evt.type = chdir${condition}", output: "*${output}", priority: NOTICE}\n`;

function ruleSet(text: string, matching: "first" | "all" = "first") {
  const loaded = loadRules([{ name: "r.yaml", text }], { fields: FIELDS });
  assert.deepEqual(loaded.files[0]?.errors, []);
  return compileRuleSet(loaded.rules, { matching });
}

/** A container's life: asked for, then known when the test says so. */
function lateContainer(name: string, more: Partial<Container> = {}) {
  const known = container(name);
  const pending: { -readonly [Key in keyof Container]: Container[Key] } = {
    ...known,
    fullId: name.padEnd(64, "0"),
    metadata: undefined,
    state: "pending",
    ...more,
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  const settle = async (state: "known" | "failed" = "known"): Promise<void> => {
    Object.assign(pending, state === "known" ? { metadata: known.metadata, state } : { state });
    resolve();
    await new Promise((done) => setImmediate(done));
  };
  return { pending, promise, settle };
}

function evaluatorWith(
  lates: readonly ReturnType<typeof lateContainer>[],
  options: Partial<EvaluatorOptions> = {},
) {
  const lines: string[] = [];
  const evaluator = new Evaluator({
    onMatch: (matched, seen) =>
      lines.push(`${matched.name}: ${renderOutput(matched.output, seen)}`),
    whenSettled: async (pending) => {
      await lates.find((late) => late.pending === pending)?.promise;
      return pending;
    },
    onFailure: assert.ifError,
    ...options,
  });
  return { evaluator, lines };
}

const chdir = (of: Container | undefined, path = "/x"): CurrentScene =>
  scene("chdir", { res: 0, path }, { container: of });

test("Evaluator.evaluate() asks the rules of the event in their order: the first that holds, or all", () => {
  const rules =
    rule("No", " and proc.name = nobody", "no") + rule("A", "", "a") + rule("B", "", "b");
  for (const [matching, expected] of [
    ["first", ["A: a"]],
    ["all", ["A: a", "B: b"]],
  ] as const) {
    const { evaluator, lines } = evaluatorWith([]);
    evaluator.evaluate(chdir(undefined), ruleSet(rules, matching));
    assert.deepEqual(lines, expected);
    const { held, notHeld } = evaluator.stats();
    assert.deepEqual({ held, notHeld }, { held: 0, notHeld: 0 });
  }
});

test("Evaluator.evaluate() lets a container wait for its own runtime alone", async () => {
  const [slow, quick] = [lateContainer("slow"), lateContainer("quick")];
  const { evaluator, lines } = evaluatorWith([slow, quick]);
  const rules = ruleSet(rule("R", "", "%container.name %evt.arg.path"));
  evaluator.evaluate(chdir(slow.pending, "/1"), rules);
  evaluator.evaluate(chdir(quick.pending, "/2"), rules);
  evaluator.evaluate(chdir(undefined, "/3"), rules);
  await quick.settle();
  assert.deepEqual(lines, ["R: host /3", "R: quick /2"]);
  await slow.settle();
  assert.deepEqual(lines.at(-1), "R: slow /1");
  const { held, notHeld } = evaluator.stats();
  assert.deepEqual({ held, notHeld }, { held: 2, notHeld: 0 });
});

test("Evaluator.evaluate() keeps what waits in order, and each as it was", async () => {
  const late = lateContainer("web");
  const { evaluator, lines } = evaluatorWith([late]);
  const rules = ruleSet(rule("R", " and container.name = web", "%evt.arg.path %proc.name"));
  const shown = chdir(late.pending, "/first");
  evaluator.evaluate(shown, rules);
  // The source's memory is used again.
  shown.event.bytes.fill(0xff);
  evaluator.evaluate(chdir(late.pending, "/second"), rules);
  await late.settle();
  assert.deepEqual(lines, ["R: /first sh", "R: /second sh"]);
});

test("Evaluator.evaluate() without a runtime to wait for asks at once", () => {
  const lines: string[] = [];
  const evaluator = new Evaluator({
    onMatch: (matched, seen) => lines.push(renderOutput(matched.output, seen)),
    onFailure: assert.ifError,
  });
  evaluator.evaluate(
    chdir(lateContainer("web").pending),
    ruleSet(rule("R", "", "%container.name")),
  );
  assert.deepEqual(lines, ["<NA>"]);
});

test("Evaluator.evaluate() lets any rule wait for what only claims to be a container", async () => {
  const late = lateContainer("forged", { isClaimed: true });
  const { evaluator, lines } = evaluatorWith([late], { containerOf: () => undefined });
  evaluator.evaluate(chdir(late.pending), ruleSet(rule("R", "", "%container.id")));
  assert.deepEqual(lines, []);
  await late.settle("failed");
  assert.deepEqual(lines, ["R: host"], "no runtime knew it: its control group's name was all");
});

test("Evaluator.evaluate() waits for accounts and for metadata, for both where both are missing", async () => {
  const late = lateContainer("web");
  const { promise: read, resolve: readAll } = Promise.withResolvers<void>();
  let isReading = true;
  const accounts: Accounts = {
    userName: () => (isReading ? undefined : "inside"),
    userHome: () => undefined,
    userShell: () => undefined,
    groupName: () => undefined,
    reading: () => (isReading ? read : undefined),
  };
  const { evaluator, lines } = evaluatorWith([late]);
  const shown = chdir(late.pending);
  shown.accounts = accounts;
  evaluator.evaluate(shown, ruleSet(rule("R", "", "%container.name %user.name")));
  await late.settle();
  assert.deepEqual(lines, []);
  isReading = false;
  readAll();
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(lines, ["R: web inside"]);
});

test("Evaluator.evaluate() holds so many bytes of one container, and four times that in all", async () => {
  const lates = Array.from({ length: 6 }, (_, index) => lateContainer(`c${index}`));
  const { evaluator, lines } = evaluatorWith(lates);
  const rules = ruleSet(
    `- {rule: R, desc: d, condition: evt.type = write, output: "%container.name", priority: NOTICE}\n`,
  );
  const size = 60_000;
  const share = 16 << 20;
  const write = (of: Container): CurrentScene =>
    scene("write", { res: size, data: new Uint8Array(size), fd: 1, size }, { container: of });
  const bytes = write(lates[0]?.pending as Container).event.bytes.length;
  const most = Math.ceil(share / bytes);
  for (const { pending } of lates.slice(0, 5))
    for (let index = 0; index <= most; index += 1) evaluator.evaluate(write(pending), rules);
  // Four containers fill the whole with their shares; each one's last, and all of the fifth, go on.
  const { held, notHeld } = evaluator.stats();
  assert.deepEqual({ held, notHeld }, { held: 4 * most, notHeld: 4 + most + 1 });
  assert.equal(lines.length, 4 + most + 1);
  await lates[0]?.settle();
  assert.equal(lines.length, 4 + 2 * most + 1);
  const before = evaluator.stats().held;
  evaluator.evaluate(write(lates[5]?.pending as Container), rules);
  assert.equal(evaluator.stats().held, before + 1, "what was released makes room");
  for (const { settle } of lates) await settle();
  assert.equal(lines.length, evaluator.stats().held + evaluator.stats().notHeld);
});

test("Evaluator counts what a scene that waited throws, and goes on with the others", async () => {
  const late = lateContainer("late");
  const failures: unknown[] = [];
  const seen: string[] = [];
  const { evaluator } = evaluatorWith([late], {
    onMatch: (_, { event }) => {
      seen.push(event.text(1) ?? "");
      if (seen.length === 1) throw new Error("no");
    },
    onFailure: (thrown) => failures.push(thrown),
  });
  const rules = ruleSet(rule("A", " and container.name = late", "a"));
  for (const path of ["/first", "/second"]) evaluator.evaluate(chdir(late.pending, path), rules);
  await late.settle();
  assert.deepEqual(seen, ["/first", "/second"]);
  assert.deepEqual(failures, [new Error("no")]);
});

const CORRELATED = `
- {rule: Silent, desc: d, condition: evt.type = chdir and evt.arg.path startswith /s, output: "*silent", priority: NOTICE, enabled: false}
- {count: Twice, desc: d, rules: [Silent], by: [container.id], threshold: 2, within: 10s, output: "%saker.matches in %saker.span at %evt.arg.path of %container.name", priority: WARNING}
`;

function correlatedSet(more: string) {
  const { rules, correlations, files } = loadRules([{ name: "r.yaml", text: CORRELATED + more }], {
    fields: FIELDS,
  });
  assert.deepEqual(files[0]?.errors, []);
  const enabled = rules.filter((one) => one.enabled);
  return compileRuleSet(enabled, { matching: "first", correlations });
}

test("Evaluator.evaluate() counts matches of a rule that is off, or that another one hides", () => {
  const { evaluator, lines } = evaluatorWith([]);
  const rules = correlatedSet(rule("Loud", "", "loud"));
  for (const path of ["/s1", "/x", "/s2"]) evaluator.evaluate(chdir(undefined, path), rules);
  assert.deepEqual(lines, [
    "Loud: loud",
    "Loud: loud",
    "Loud: loud",
    "Twice: 2 in 0 at /s2 of host",
  ]);
  evaluator.evaluate(chdir(undefined, "/s3"), rules);
  evaluator.use(correlatedSet(""));
  evaluator.evaluate(chdir(undefined, "/s4"), correlatedSet(""));
  assert.equal(lines.filter((line) => line.startsWith("Twice")).length, 1);
});

test("Evaluator.evaluate() lets a count's alert wait for its container's name", async () => {
  const late = lateContainer("web");
  const { evaluator, lines } = evaluatorWith([late]);
  const rules = correlatedSet("");
  for (const path of ["/s1", "/s2"]) evaluator.evaluate(chdir(late.pending, path), rules);
  assert.deepEqual(lines, []);
  await late.settle();
  assert.deepEqual(lines, ["Twice: 2 in 0 at /s2 of web"]);
});
