import assert from "node:assert/strict";
import { test } from "node:test";
import { scene } from "../../test/fixtures/scenes.ts";
import { FIELDS } from "../fields/registry.ts";
import { compileExplanation } from "./explain.ts";
import { ExplanationTally } from "./explanation-tally.ts";
import { parseCondition } from "./parse-condition.ts";

const explain = compileExplanation(
  parseCondition("evt.type = chdir and proc.name = cat and proc.pid > 50"),
  FIELDS,
);
const of = (comm: string, pid = 100) =>
  explain(scene("chdir", { res: 0 }, { chain: [{ comm, pid }] }));

test("ExplanationTally counts matches against its limit, and tells as many misses", () => {
  const tally = new ExplanationTally(2);
  const told = [of("sh"), of("sh"), of("sh"), of("cat"), of("sh"), of("cat"), of("cat")].map(
    (one) => tally.add(one),
  );
  assert.deepEqual(told, [true, true, false, true, false, true, false]);
  assert.equal(tally.isFull, true);
  assert.deepEqual(tally.summary(), ["2 of 6 events match"]);
});

test("ExplanationTally says why nothing matched, the commonest reason first", () => {
  const tally = new ExplanationTally(1);
  for (const one of [of("cat", 7), of("sh"), of("sh"), of("sh")]) tally.add(one);
  assert.deepEqual(tally.summary(), [
    "0 of 4 events match; what decided most often:",
    "  3 times  proc.name = cat",
    "  1 times  proc.pid > 50",
  ]);
  assert.deepEqual(new ExplanationTally(1).summary(), []);
});
