import assert from "node:assert/strict";
import { test } from "node:test";
import { shortfall } from "./fail-under.ts";

function told({
  letter,
  ignoringTrust,
  speaks,
  demand,
  ignoreTrust = false,
  isFound = false,
}: {
  letter?: string;
  ignoringTrust?: string;
  speaks?: string;
  demand: string;
  ignoreTrust?: boolean;
  isFound?: boolean;
}): string | undefined {
  const grade =
    letter === undefined
      ? {}
      : {
          grade: {
            letter,
            score: 0,
            scores: { protocol: 0, keyExchange: 0, cipher: 0 },
            caps: [],
            ...(ignoringTrust === undefined ? {} : { ignoringTrust }),
          },
        };
  return shortfall(
    {
      target: "x:1",
      ...(letter === undefined && speaks === undefined ? {} : { tls: letter !== undefined }),
      errors: [{ probe: "connect", error: "nobody listens", code: "refused" }],
      ...(speaks === undefined ? {} : { speaks }),
      ...grade,
    },
    { failUnder: demand, ignoreTrust },
    isFound,
  )?.message;
}

for (const [situation, message] of [
  [{ letter: "A+", demand: "B" }, undefined],
  [{ letter: "B", demand: "B" }, undefined],
  [{ letter: "C", demand: "B" }, "x:1 has grade C, which is under B"],
  [{ letter: "A-", demand: "A" }, "x:1 has grade A-, which is under A"],
  [{ letter: "T", ignoringTrust: "A", demand: "F" }, "x:1 has grade T, which is under F"],
  [{ letter: "M", ignoringTrust: "A", demand: "F" }, "x:1 has grade M, which is under F"],
  [{ letter: "T", ignoringTrust: "A", demand: "B", ignoreTrust: true }, undefined],
  [
    { letter: "T", ignoringTrust: "C", demand: "B", ignoreTrust: true },
    "x:1 has grade C, which is under B",
  ],
  [{ speaks: "http", demand: "F" }, "x:1 has no TLS that could be graded, which is under F"],
  [{ speaks: "ssh", demand: "A", isFound: true }, undefined],
  [{ demand: "A", isFound: true }, "x:1 could not be examined: nobody listens"],
  [{ demand: "F" }, "x:1 could not be examined: nobody listens"],
  [{ letter: "F", demand: "A", isFound: true }, "x:1 has grade F, which is under A"],
] as const) {
  test(`shortfall() of ${JSON.stringify(situation)}`, () => assert.equal(told(situation), message));
}

test("shortfall() holds no report against a limit that is not whole, however good its letter", () => {
  const report = {
    target: "x:1",
    tls: true,
    errors: [{ probe: "target", error: "the time is up", code: "incomplete" as const }],
  };
  assert.equal(
    shortfall(report, { failUnder: "C", ignoreTrust: false }, false)?.message,
    "x:1 cannot be held against C: INCOMPLETE (target: the time is up)",
  );
});

test("shortfall() asks nothing without a limit", () => {
  assert.equal(
    shortfall({ target: "x:1", errors: [] }, { failUnder: undefined, ignoreTrust: false }, false),
    undefined,
  );
});
