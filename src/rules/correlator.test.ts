import assert from "node:assert/strict";
import { test } from "node:test";
import { container, scene } from "../../test/fixtures/scenes.ts";
import type { Container } from "../containers/container.ts";
import { FIELDS } from "../fields/registry.ts";
import { Correlator } from "./correlator.ts";
import { loadRules } from "./load-rules.ts";
import { compileRuleSet, type RuleSet } from "./rule-set.ts";

const RULES = `
- {rule: A, desc: d, condition: evt.type = chdir and evt.arg.path = /a, output: o, priority: INFO}
- {rule: B, desc: d, condition: evt.type = chdir and evt.arg.path = /b, output: o, priority: INFO}
- {rule: C, desc: d, condition: evt.type = chdir and evt.arg.path = /c, output: o, priority: INFO}
`;
const count = (more: string): string =>
  `- {count: N, desc: d, rules: [A, B], within: 10s, output: o, priority: INFO, ${more}}\n`;
const sequence = (rules: string, more = ""): string =>
  `- {sequence: S, desc: d, rules: [${rules}], within: 10s, output: o, priority: INFO${more}}\n`;

function setOf(text: string): RuleSet {
  const { files, correlations } = loadRules([{ name: "r.yaml", text: RULES + text }], {
    fields: FIELDS,
  });
  assert.deepEqual(files[0]?.errors, []);
  return compileRuleSet([], { matching: "all", correlations });
}

const of = (id: string): Container => ({ ...container(id), id, fullId: id });

interface Happening {
  readonly path: string;
  /** Seconds. */
  readonly at: number;
  readonly in?: Container;
  readonly comm?: string;
}

/** The seconds at which something was complete, with the matches that it was made of. */
function completions(
  set: RuleSet,
  happenings: readonly Happening[],
  correlator = new Correlator(),
): string[] {
  return happenings.flatMap(({ path, at, in: container, comm = "sh" }) => {
    const timestamp = 1_700_000_000_000_000_000n + BigInt(Math.round(at * 1e9));
    const shown = scene("chdir", { res: 0, path }, { timestamp, container, process: { comm } });
    return set.feedsOf(shown.event.code).flatMap((feed) => {
      const progress = feed.rule.condition(shown) ? correlator.see(feed, shown) : undefined;
      return progress?.isComplete === true
        ? [`${at}: ${progress.matches} in ${progress.spanNs / 1e9}`]
        : [];
    });
  });
}

const at = (path: string, ...seconds: number[]): Happening[] =>
  seconds.map((second) => ({ path, at: second }));

test("Correlator.see() counts matches of all rules of a count within its time, and begins anew", () => {
  const set = setOf(count("threshold: 3"));
  assert.deepEqual(completions(set, [...at("/a", 0, 1), ...at("/b", 2)]), ["2: 3 in 2"]);
  assert.deepEqual(completions(set, at("/a", 0, 1, 10)), ["10: 3 in 10"]);
  assert.deepEqual(completions(set, at("/a", 0, 1, 10.001)), []);
  assert.deepEqual(completions(set, at("/a", 0, 1, 10.5, 10.9)), ["10.9: 3 in 9.9"]);
  assert.deepEqual(completions(set, at("/a", 0, 1, 2, 3, 4, 5)), ["2: 3 in 2", "5: 3 in 2"]);
});

test("Correlator.see() counts apart what differs in a field of `by`", () => {
  const set = setOf(count("threshold: 2, by: [container.id, proc.name]"));
  const [web, db] = [of("web"), of("db")];
  const one = { path: "/a", in: web };
  assert.deepEqual(
    completions(set, [
      { ...one, at: 0 },
      { ...one, at: 1, in: db },
      { ...one, at: 2, comm: "bash" },
      { ...one, at: 3 },
    ]),
    ["3: 2 in 3"],
  );
});

test("Correlator.see() leaves out and counts a match without a value of `by`", () => {
  const set = setOf(count("threshold: 2, by: [fd.sip]"));
  const correlator = new Correlator();
  assert.deepEqual(completions(set, at("/a", 0, 1), correlator), []);
  assert.deepEqual(correlator.stats(), { withoutKey: 2, forgotten: 0 });
});

test("Correlator.see() takes the steps of a sequence in their order alone", () => {
  const set = setOf(sequence("A, B, C"));
  const rows = (text: string): string[] =>
    completions(
      set,
      text.split("").map((letter, index) => ({ path: `/${letter}`, at: index })),
    );
  assert.deepEqual(rows("abc"), ["2: 3 in 2"]);
  assert.deepEqual(rows("axbxc"), ["4: 3 in 4"]);
  assert.deepEqual(rows("acb"), []);
  assert.deepEqual(rows("bac"), []);
  assert.deepEqual(rows("aabbcc"), ["4: 3 in 3"]);
  assert.deepEqual(rows("abcabc"), ["2: 3 in 2", "5: 3 in 2"]);
  assert.deepEqual(rows("abac"), ["3: 3 in 3"]);
});

test("Correlator.see() takes one event for one step, and the newest beginning", () => {
  const twice = setOf(sequence("A, A"));
  assert.deepEqual(completions(twice, at("/a", 0)), []);
  assert.deepEqual(completions(twice, at("/a", 0, 1, 2)), ["1: 2 in 1", "2: 2 in 1"]);
  const set = setOf(sequence("A, B"));
  assert.deepEqual(completions(set, [...at("/a", 0, 9), ...at("/b", 15)]), ["15: 2 in 6"]);
  assert.deepEqual(completions(set, [...at("/a", 0), ...at("/b", 10.1)]), []);
  assert.deepEqual(completions(set, [...at("/a", 5), ...at("/b", 4)]), [], "the second came first");
});

test("Correlator.see() joins a sequence by its fields", () => {
  const set = setOf(sequence("A, B", ", by: [proc.name]"));
  assert.deepEqual(
    completions(set, [
      { path: "/a", at: 0, comm: "one" },
      { path: "/b", at: 1, comm: "two" },
      { path: "/b", at: 2, comm: "one" },
    ]),
    ["2: 2 in 2"],
  );
});

test("Correlator holds its memory when someone makes up ever new values, and the others keep theirs", () => {
  const set = setOf(count("threshold: 2, by: [proc.name]"));
  const correlator = new Correlator({ maxBytes: 100_000 });
  const [quiet, noisy] = [of("quiet"), of("noisy")];
  const before = { path: "/a", at: 0, in: quiet };
  const flood = Array.from({ length: 2000 }, (_, index) => ({
    path: "/a",
    at: 1 + index / 1000,
    in: noisy,
    comm: `name ${index}`,
  }));
  assert.deepEqual(completions(set, [before, ...flood, { ...before, at: 5 }], correlator), [
    "5: 2 in 5",
  ]);
  assert.ok(correlator.stats().forgotten > 1000);
});

test("Correlator.keep() forgets what is no longer among the rules", () => {
  const set = setOf(count("threshold: 2"));
  const correlator = new Correlator();
  completions(set, at("/a", 0), correlator);
  correlator.keep(set.correlations);
  assert.deepEqual(completions(set, at("/a", 1), correlator), ["1: 2 in 1"]);
  completions(set, at("/a", 2), correlator);
  correlator.keep([]);
  assert.deepEqual(completions(set, at("/a", 3), correlator), []);
});
