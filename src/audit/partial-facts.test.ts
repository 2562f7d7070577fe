import assert from "node:assert/strict";
import { test } from "node:test";
import { findingsOnPart, leastOnPart, verdictsOnPart } from "./partial-facts.ts";

test("verdictsOnPart() keeps what was found or probed, and knows nothing of the rest", () =>
  assert.deepEqual(
    verdictsOnPart({
      rc4: "vulnerable",
      export: "not vulnerable",
      heartbleed: "not vulnerable",
      robot: "not applicable",
      "no-forward-secrecy": "vulnerable",
      ticketbleed: "unknown",
    }),
    {
      rc4: "vulnerable",
      export: "unknown",
      heartbleed: "not vulnerable",
      robot: "unknown",
      "no-forward-secrecy": "unknown",
      ticketbleed: "unknown",
    },
  ));

test("findingsOnPart() says of nothing that it is missing", () => {
  const finding = (id: string) => ({ id, severity: "low", title: id, evidence: "" }) as const;
  assert.deepEqual(
    findingsOnPart([finding("no-tls13"), finding("old-tls"), finding("no-post-quantum")]),
    [finding("old-tls")],
  );
});

test("leastOnPart() gives F, and no letter that may be worse yet", () =>
  assert.deepEqual(
    [leastOnPart("F"), leastOnPart("A"), leastOnPart(undefined)],
    ["F", "unknown", "unknown"],
  ));
