import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { captureBytes } from "../../test/fixtures/captures.ts";
import {
  type Alert,
  alertJson,
  alertText,
  checkRules,
  compileRules,
  diagnosticText,
  readRules,
  replayCapture,
} from "./rules.ts";

const RULES = [
  {
    name: "mine.yaml",
    text: `- {rule: Shadow, desc: d, condition: "evt.type = openat and fd.name = /etc/shadow", output: "%proc.name read", priority: WARNING}
- {rule: All, desc: d, condition: "evt.type = openat", output: o, priority: DEBUG}
- {rule: Off, desc: d, condition: "evt.type = openat", output: o, priority: INFO, enabled: false}
`,
  },
];

describe("saker/rules", () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-library-"));
  const capture = join(folder, "small.scap");
  writeFileSync(capture, captureBytes());
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("compileRules takes the rules that are switched on and urgent enough", () => {
    assert.deepEqual(compileRules(RULES).names, ["Shadow", "All"]);
    assert.deepEqual(compileRules(RULES, { minimumPriority: "Warning" }).names, ["Shadow"]);
    assert.ok(compileRules(readRules()).names.length > 10);
  });

  test("replayCapture gives alerts in order: the first rule of an event, or all", async () => {
    const alerts: Alert[] = [];
    const onAlert = (alert: Alert): void => void alerts.push(alert);
    const first = await replayCapture(capture, { rules: compileRules(RULES), onAlert });
    assert.deepEqual([first.truncated, alerts[0]?.rule], [undefined, "Shadow"]);
    assert.match(alertText(alerts[0]!), /^\d\d:\d\d:\d\d\.001000000: Warning sh read$/);
    assert.equal(JSON.parse(alertJson(alerts[0]!)).rule, "Shadow");
    const count = alerts.length;
    await replayCapture(capture, { rules: compileRules(RULES, { matching: "all" }), onAlert });
    assert.equal(alerts.length, 2 * count + 1);
  });

  test("replayCapture: what a callback throws comes out as it is, and no further alert", async () => {
    let calls = 0;
    const fault = new TypeError("mine");
    const onAlert = (): void => {
      calls += 1;
      throw fault;
    };
    const rules = compileRules(RULES, { matching: "all" });
    await assert.rejects(replayCapture(capture, { rules, onAlert }), fault);
    assert.equal(calls, 1);
  });

  test("errors have a code, a hint and a place", async () => {
    const broken = [{ name: "x.yaml", text: "- {rule: R, desc: d, condition: proc.nmae = x}\n" }];
    const [error] = checkRules(broken)[0]?.errors ?? [];
    assert.equal(error?.code, "LOAD_ERR_YAML_VALIDATE");
    assert.match(diagnosticText(error, broken), /^x\.yaml:1:\d+: error .+\n.+\n +\^/s);
    assert.throws(() => compileRules(broken), { code: "RULE_LOAD" });
    assert.throws(() => readRules([join(folder, "none")]), { code: "CONFIG_RULES" });
    const onAlert = (): void => {};
    const rules = compileRules(RULES);
    await assert.rejects(replayCapture(join(folder, "none"), { rules, onAlert }), {
      code: "USAGE_FILE",
    });
    await assert.rejects(replayCapture(capture, { rules: { names: [] }, onAlert }), {
      code: "USAGE_RULES",
    });
  });
});
