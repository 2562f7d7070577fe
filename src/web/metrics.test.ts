import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { secure } from "../../test/fixtures/audit-reports.ts";
import { promtool, promtoolMissing } from "../../test/fixtures/promtool.ts";
import { openSite, type TestSite } from "../../test/fixtures/site.ts";
import { familyText } from "./open-metrics.ts";

describe("/metrics", () => {
  let site: TestSite;
  before(async () => {
    site = await openSite({
      health: async () => ({
        version: "1.2.3",
        hostname: "h",
        kernel: "6",
        startedAt: 1000,
        source: "tp_btf",
        rules: 1,
        events: { seen: 9, keptInKernel: 5, sent: 4, dropped: { ringFull: 2 } },
        ports: { open: 1, examined: 1, notExamined: 0 },
        silenced: 1,
        published: 3,
        outputs: [
          {
            name: "report",
            target: 'a"b\\c\n',
            delivered: 3,
            digested: 4,
            waiting: 1,
            refused: { x: 1 },
            dropped: { y: 2 },
          },
        ],
      }),
    });
    await site.get("/metrics");
    const port = {
      protocol: "tcp",
      address: "127.0.0.1",
      port: 8443,
      namespace: 1,
      container: "web",
    } as const;
    await site.store.append([
      alertNews({ rule: "R", priority: "Error" }),
      alertNews({ rule: "R", priority: "Error" }),
      { ...alertNews({ rule: "R", priority: "Error" }), silence: "0000000a" },
      { kind: "port-opened", sequence: 1, time: 1n, host: "h", port },
      { kind: "audit", sequence: 2, time: 1n, host: "h", report: secure },
    ]);
  });
  after(() => site.close());

  const PATTERNS = [
    /^falcosecurity_falcosidekick_falco_events_total\{hostname="h",rule="R",priority="Error",source="syscall"\} 2$/m,
    /^falcosecurity_scap_n_drops_total 2$/m,
    /^saker_events_dropped_total\{reason="ringFull"\} 2$/m,
    /^saker_output_digested_total\{output="report",target="a\\"b\\\\c\\n"\} 4$/m,
    /^saker_output_lost_total\{output="report",target="a\\"b\\\\c\\n"\} 3$/m,
    /^saker_ports_open\{grade="[^"]+"\} 1$/m,
    /^saker_alerts_total\{hostname="h",rule="R",priority="Error",source="syscall"\} 2$/m,
    /^saker_alerts_silenced_total\{hostname="h",rule="R",priority="Error",source="syscall"\} 1$/m,
    /^saker_store_alerts 3$/m,
  ];

  it("counts in Prometheus' format", async () => {
    const answer = await site.get("/metrics");
    assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    for (const pattern of PATTERNS) assert.match(text, pattern);
    assert.match(text, /^# TYPE saker_alerts_total counter$/m);
    assert.doesNotMatch(text, /# EOF/);
  });

  it("counts in OpenMetrics where that is asked for", async () => {
    const headers = { accept: "application/openmetrics-text; version=1.0.0" };
    const text = await (await site.get("/metrics", { headers })).text();
    for (const pattern of PATTERNS) assert.match(text, pattern);
    assert.match(text, /^# TYPE saker_alerts counter$/m);
    assert.ok(text.endsWith("# EOF\n"));
  });

  it("is what promtool takes", { skip: promtoolMissing() ?? false }, async () => {
    const { status, said } = promtool(
      ["check", "metrics"],
      await (await site.get("/metrics")).text(),
    );
    assert.equal(status, 0, said);
    assert.equal(said, "");
  });

  it("is for who has the token", async () => {
    assert.equal((await fetch(`${site.url}/metrics`)).status, 401);
  });
});

describe("familyText", () => {
  it("leaves out a family without numbers", () => {
    assert.equal(familyText({ name: "a", help: "b", type: "gauge", samples: [] }, false), "");
  });
});
