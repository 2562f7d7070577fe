import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { promtool, promtoolMissing } from "../fixtures/promtool.ts";

// The alert rules that we ship, as Prometheus itself reads and evaluates them.

const RULES = join(import.meta.dirname, "../../deploy/prometheus/saker-alerts.yaml");
const ALERTS = 'saker_alerts_total{instance="i",rule="R",priority="Critical"}';
const DROPPED = 'saker_events_dropped_total{instance="i",reason="ringFull"}';

/** Values of a series, one a minute (`_`: it is not there yet), and whether an alert fires then. */
const CASES: readonly {
  readonly title: string;
  readonly series: string;
  readonly values: string;
  readonly alert: string;
  readonly fires: boolean;
}[] = [
  ...[
    { title: "the first alert of a rule", values: "_ _ _ _ _ _ _ _ 1 1 1", fires: true },
    { title: "a further alert of it", values: "3 3 3 3 3 3 3 3 4 4 4", fires: true },
    { title: "alerts of long ago", values: "3 3 3 3 3 3 3 3 3 3 3", fires: false },
  ].map((one) => ({ ...one, series: ALERTS, alert: "SakerCriticalAlert" })),
  ...[
    { title: "the first loss", values: "_ _ _ _ _ _ _ _ 9 9 9", fires: true },
    { title: "losses of long ago", values: "9x20", fires: false },
  ].map((one) => ({ ...one, series: DROPPED, alert: "SakerEventsLost" })),
];

describe("the alert rules for Prometheus", { skip: promtoolMissing() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-prometheus-"));
  after(() => rmSync(folder, { recursive: true }));

  it("are rules", () => {
    const { status, said } = promtool(["check", "rules", RULES]);
    assert.equal(status, 0, said);
  });

  for (const [index, { title, series, values, alert, fires }] of CASES.entries())
    it(`${fires ? "tell of" : "are silent about"} ${title}`, () => {
      const file = join(folder, `${index}.json`);
      const at = values.includes("x") ? "20m" : "10m";
      // With labels it would be compared whole: the name alone is asked by its count.
      const expr = `count(ALERTS{alertname="${alert}",alertstate="firing"})`;
      const sample = [{ labels: "{}", value: 1 }];
      const test = {
        rule_files: [RULES],
        evaluation_interval: "1m",
        tests: [
          {
            interval: "1m",
            input_series: [{ series, values }],
            promql_expr_test: [{ expr, eval_time: at, exp_samples: fires ? sample : [] }],
          },
        ],
      };
      writeFileSync(file, JSON.stringify(test));
      const { status, said } = promtool(["test", "rules", file]);
      assert.equal(status, 0, said);
    });
});
