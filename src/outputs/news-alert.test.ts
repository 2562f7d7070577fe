import assert from "node:assert/strict";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { bare, secure } from "../../test/fixtures/audit-reports.ts";
import { openService } from "../../test/fixtures/http-service.ts";
import type { AuditReport, Finding } from "../audit/report.ts";
import type { News, PortNews } from "../news/news.ts";
import { NEWS_WORDS, newsAlert } from "./news-alert.ts";
import { OUTPUT_KINDS } from "./registry.ts";

const STAMP = { sequence: 7, time: 1739002980580354112n, host: "h" };
const PORT: PortNews = {
  protocol: "tcp",
  address: "::",
  port: 8443,
  namespace: 1,
  container: "web",
  containerId: "3ad7b26ded6d",
  process: { pid: 5, exepath: "/bin/\u202ex" },
};
const audit = (report: AuditReport): News => ({ ...STAMP, kind: "audit", report });
const finding = (severity: string) => ({ ...secure, findings: [{ id: "x", severity } as Finding] });
const NEWS = {
  alert: alertNews(),
  audit: audit(secure),
  port: { ...STAMP, kind: "port-opened", port: PORT },
} as const;

test("a port and an audit have the form of alerts", () => {
  const opened = newsAlert(NEWS.port, ["port"]);
  assert.equal(opened?.message, "Port opened: tcp [::]:8443 by /bin/\u202ex in web");
  assert.equal(opened?.outputFields["port.number"], 8443);
  assert.match(opened?.uuid ?? "", /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
  assert.equal(newsAlert(NEWS.port, ["port"])?.uuid, opened?.uuid);
  const closed = newsAlert({ ...NEWS.port, kind: "port-closed", sequence: 8 }, ["port"]);
  assert.deepEqual([closed?.rule, closed?.priority], ["Port closed", "Informational"]);
  assert.notEqual(closed?.uuid, opened?.uuid);
  const examined = newsAlert(NEWS.audit, ["audit"]);
  assert.match(examined?.message ?? "", /^Port examined: web:8443 TLSv1\.2/);
  assert.equal(examined?.source, "posture");
});

test("an audit is as urgent as the worst that it found", () => {
  const priority = (report: AuditReport) => newsAlert(audit(report), ["audit"])?.priority;
  const priorities = {
    critical: "Critical",
    high: "Error",
    medium: "Warning",
    low: "Notice",
    info: "Informational",
  };
  for (const [severity, name] of Object.entries(priorities))
    assert.equal(priority(finding(severity)), name);
  assert.equal(priority(bare), "Informational");
  const { tls: _, ...unexamined } = bare;
  assert.equal(priority(unexamined), "Notice");
});

const SERVICES = Object.entries(OUTPUT_KINDS).filter(([, { options }]) => "news" in options);

test("every service gets the news that it is told to, and alerts alone by default", () => {
  assert.ok(SERVICES.length > 20);
  const address = { address: "http://a", hostPort: "a:1", broker: "a", host: "a" };
  for (const [name] of SERVICES) {
    for (const word of NEWS_WORDS) {
      const service = openService(name as "slack", { ...address, news: [word] });
      const formatted = NEWS_WORDS.filter((other) => service.format(NEWS[other]) !== undefined);
      assert.deepEqual(formatted, [word], name);
      assert.equal(service.format({ ...STAMP, kind: "note", text: "x" }), undefined);
    }
    const plain = openService(name as "slack", address);
    assert.equal(plain.format(NEWS.audit), undefined, name);
    assert.notEqual(plain.format(NEWS.alert), undefined, name);
  }
});

test("audits below the minimum priority stay", () => {
  const slack = openService("slack", {
    address: "http://a",
    news: ["audit"],
    minimumPriority: "error",
  });
  assert.equal(slack.format(audit(finding("medium"))), undefined);
  assert.notEqual(slack.format(audit(finding("high"))), undefined);
});
