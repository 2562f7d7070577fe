import assert from "node:assert/strict";
import { test } from "node:test";
import { shortenVerifierLog, VerifierLog } from "./verifier-log.ts";

const LOG = `0: R1=ctx() R10=fp0
; int broken(u64 *context) { return *(u64 *)context[0]; } @ test.bpf.c:3
0: (79) r1 = *(u64 *)(r1 +0)
1: (79) r0 = *(u64 *)(r1 +0)
R1 invalid mem access 'scalar'
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

test("shortenVerifierLog keeps the end and leaves statistics out", () => {
  assert.equal(
    shortenVerifierLog(LOG, 2),
    "(3 lines omitted)\n1: (79) r0 = *(u64 *)(r1 +0)\nR1 invalid mem access 'scalar'",
  );
});

test("shortenVerifierLog leaves a short log whole", () => {
  assert.equal(shortenVerifierLog(LOG, 9).split("\n").length, 5);
});

test("VerifierLog has the whole log on demand", () => {
  assert.equal(new VerifierLog(LOG).log, LOG);
});
