import assert from "node:assert/strict";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { fieldsText } from "../alerts/format.ts";
import { NO_LOSSES } from "../capture/losses.ts";
import type { MetricsSettings } from "../config/settings.ts";
import { METRICS_RULE, metricsLines } from "../outputs/metrics-line.ts";
import { type Measured, MetricsSnapshots } from "./metrics-snapshot.ts";

const SETTINGS: MetricsSettings = {
  intervalMs: 1000,
  rule: true,
  file: undefined,
  rules: true,
  resources: true,
  state: true,
  kernel: true,
  megabytes: true,
  empty: false,
};
const HOST = {
  version: "1",
  hostname: "h",
  kernel: "6.1",
  processors: 2,
  startedAt: 1_000_000_000n,
  cpuMicros: 500_000,
};

function measured(sent: number, ringFull: number, seconds: number): Measured {
  const live = {
    variant: "tp_btf",
    processes: 3,
    probe: { sent, dropped: { ...NO_LOSSES, ringFull } },
  };
  return {
    stats: { live } as unknown as Measured["stats"],
    outputDrops: 0,
    now: HOST.startedAt + BigInt(seconds * 1e9),
    memory: { rss: 50_000_000 },
    cpuMicros: 500_000 + seconds * 100_000,
  };
}

test("MetricsSnapshots tells rates since the snapshot before, by Falco's names", () => {
  const metrics = new MetricsSnapshots(SETTINGS, HOST);
  const first = metrics.next(measured(100, 0, 2));
  assert.equal(first["falco.evts_rate_sec"], 50);
  assert.equal(first["falco.cpu_usage_perc"], 10);
  assert.equal(first["falco.memory_rss_mb"], 50);
  assert.equal("scap.n_drops_buffer_total" in first, false);
  const second = metrics.next(measured(300, 20, 4));
  assert.deepEqual(
    ["falco.num_evts_prev", "scap.n_evts", "scap.n_drops_perc", "scap.n_drops_buffer_total"].map(
      (name) => second[name],
    ),
    [100, 300, 10, 20],
  );
});

test("MetricsSnapshots counts each rule's alerts, its own left out", () => {
  const metrics = new MetricsSnapshots({ ...SETTINGS, kernel: false, empty: true }, HOST);
  for (const rule of ["Read /etc, (again)", "Read /etc, (again)", METRICS_RULE])
    metrics.take(alertNews({ rule }));
  const fields = metrics.next(measured(0, 0, 1));
  assert.equal(fields["falco.rules.matches_total"], 2);
  assert.equal(fields["falco.rules.Read_etc_again"], 2);
  assert.equal(fields["falco.n_containers"], 0);
  assert.equal("scap.n_evts" in fields, false);
  assert.equal(JSON.parse(fieldsText(fields))["evt.time"], 2_000_000_000);
});

test("metricsLines() numbers the snapshots and leaves other news out", () => {
  const line = metricsLines();
  assert.equal(line(alertNews()), undefined);
  const snapshot = alertNews({ rule: METRICS_RULE, outputFields: { "falco.num_evts": 1 } });
  line(snapshot);
  assert.deepEqual(JSON.parse(line(snapshot) ?? ""), {
    sample: 2,
    output_fields: { "falco.num_evts": 1 },
  });
});
