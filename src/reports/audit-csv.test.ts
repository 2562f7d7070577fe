import assert from "node:assert/strict";
import { test } from "node:test";
import { bare, full, secure } from "../../test/fixtures/audit-reports.ts";
import { AUDIT_CSV_HEAD, auditCsv } from "./audit-csv.ts";

/** A line's cells (RFC 4180). */
function cellsOf(line: string): string[] {
  return [...line.trimEnd().matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );
}

test("auditCsv() has a cell for each column, whatever is in a report", () => {
  const columns = cellsOf(AUDIT_CSV_HEAD);
  const { tls: _, ...unknown } = bare;
  for (const report of [bare, unknown, secure, full]) {
    const line = auditCsv(report);
    assert.equal(line.split("\n").length, 2, "one line");
    assert.equal(cellsOf(line).length, columns.length, line);
  }
  const row = Object.fromEntries(cellsOf(auditCsv(full)).map((cell, i) => [columns[i], cell]));
  assert.deepEqual(
    [row["target"], row["tls"], row["grade"], row["grade_without_trust"], row["protocols"]],
    ["web:8443", "yes", "T", "B", "SSLv2 TLSv1.2"],
  );
});

test("auditCsv() says that a port could not be examined, or not whole", () => {
  const { tls: _, ...unknown } = bare;
  const columns = cellsOf(AUDIT_CSV_HEAD);
  const of = (line: string, name: string): string | undefined =>
    cellsOf(line)[columns.indexOf(name)];
  const refused = auditCsv({
    ...unknown,
    errors: [{ probe: "connect", error: 'Cannot connect to "x", y', code: "refused" }],
  });
  assert.deepEqual(
    [of(refused, "tls"), of(refused, "complete"), of(refused, "error")],
    ["unknown", "no", 'Cannot connect to "x", y'],
  );
  const part = auditCsv({ ...secure, errors: [{ probe: "x", error: "y", code: "incomplete" }] });
  assert.deepEqual([of(part, "tls"), of(part, "complete")], ["yes", "no"]);
});

test("auditCsv() gives a spreadsheet nothing to compute", () => {
  for (const word of ["=1+1", "+1", "-1", "@SUM(A1)"]) {
    const [leaf] = secure.certificates;
    assert.ok(leaf !== undefined);
    const line = auditCsv({ ...secure, certificates: [{ ...leaf, subject: word }] });
    assert.ok(line.includes(`,'${word}`), line);
  }
});
