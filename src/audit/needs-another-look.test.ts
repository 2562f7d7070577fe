import assert from "node:assert/strict";
import { test } from "node:test";
import { bare, secure } from "../../test/fixtures/audit-reports.ts";
import { needsAnotherLook } from "./needs-another-look.ts";
import type { ProbeErrorCode } from "./report.ts";

const { tls: _, ...unknown } = bare;

for (const code of ["refused", "reset", "closed", "silent", "timeout", "unreachable"] as const) {
  test(`needsAnotherLook() of a port that could not be examined: ${code}`, () =>
    assert.equal(needsAnotherLook({ ...unknown, errors: [because(code)] }), true));
}

test("needsAnotherLook() of a report that is not whole", () =>
  assert.equal(needsAnotherLook({ ...secure, errors: [because("incomplete")] }), true));

test("needsAnotherLook() is content with an answer, TLS or not, whatever single probes say", () => {
  for (const report of [bare, secure])
    assert.equal(
      needsAnotherLook({ ...report, errors: [{ probe: "robot", error: "no answer" }] }),
      false,
    );
});

function because(code: ProbeErrorCode): { probe: string; error: string; code: ProbeErrorCode } {
  return { probe: "connect", error: "x", code };
}
