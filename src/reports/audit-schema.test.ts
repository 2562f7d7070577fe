import assert from "node:assert/strict";
import { test } from "node:test";
import { bare, full, secure } from "../../test/fixtures/audit-reports.ts";
import { faults } from "../../test/fixtures/json-schema.ts";
import type { AuditReport } from "../audit/report.ts";
import { auditJson } from "./audit-json.ts";
import { auditSchema } from "./audit-schema.ts";

const { tls: _, ...nothing } = bare;
const unknown: AuditReport = {
  ...nothing,
  errors: [{ probe: "connect", error: "x", code: "refused" }],
};

for (const [name, report] of Object.entries({ bare, unknown, secure, full })) {
  test(`auditSchema() describes the JSON of the ${name} report`, () =>
    assert.deepEqual(faults(JSON.parse(auditJson(report)), auditSchema()), []));
}

for (const [what, report, fault] of [
  ["a missing key", { ...bare, port: undefined }, "$: port is missing"],
  ["another type", { ...bare, port: "8443" }, "$.port: not an integer"],
  ["a number out of range", { ...bare, port: 70_000 }, "$.port: over 65535"],
  [
    "an unknown letter",
    { ...secure, leastStrength: "G" },
    '$.leastStrength: "G" is none of A B C D E F unknown',
  ],
  [
    "a suite without its letter",
    {
      ...secure,
      protocols: { "TLSv1.2": { ciphers: [{ id: "0xC02F", name: "x" }], warnings: [] } },
    },
    "$.protocols.TLSv1.2.ciphers.0: strength is missing",
  ],
  [
    "a suite's code of another form",
    {
      ...secure,
      protocols: {
        "TLSv1.2": { ciphers: [{ id: "49199", name: "x", strength: "A" }], warnings: [] },
      },
    },
    "$.protocols.TLSv1.2.ciphers.0.id: does not match",
  ],
  [
    "an unknown verdict",
    { ...bare, weaknesses: { robot: "perhaps" } },
    '$.weaknesses.robot: "perhaps" is none of vulnerable not vulnerable not applicable unknown',
  ],
] as const) {
  test(`auditSchema() refuses ${what}`, () =>
    assert.deepEqual(faults(JSON.parse(JSON.stringify(report)), auditSchema()), [fault]));
}

test("auditSchema() is JSON, and says which keys are always there", () => {
  const schema = JSON.parse(JSON.stringify(auditSchema())) as { required: string[] };
  assert.deepEqual(schema, auditSchema());
  assert.deepEqual(schema.required, [
    "target",
    "host",
    "port",
    "startedAt",
    "durationMs",
    "connections",
    "protocols",
    "groups",
    "certificates",
    "findings",
    "errors",
  ]);
});
