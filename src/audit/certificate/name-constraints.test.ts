import assert from "node:assert/strict";
import { test } from "node:test";
import {
  derDnsName,
  derExtension,
  derSequence,
  makeCertificate,
} from "../../../test/fixtures/made-certificate.ts";
import type { Subtree } from "../../tls/x509-extensions.ts";
import { readCertificate } from "./certificate.ts";
import { allowsNames } from "./name-constraints.ts";

const tree = (value: string): Subtree => ({
  base: { kind: "DNS", value, bytes: Buffer.from(value) },
  isLimited: false,
});

/** Permitted and excluded subtrees, a leaf's name, and whether it is allowed. */
const CASES: readonly (readonly [string[], string[], string, boolean])[] = [
  [["example.test"], [], "a.example.test", true],
  [["example.test"], [], "aexample.test", false],
  [[".example.test"], [], "example.test", false],
  [[], ["example.test"], "b.a.example.test", false],
  // CVE-2025-61727, and C2SP/x509-limbo rfc5280::nc::nc-forbids-dnsname-wildcard-san.
  [["example.test"], ["bar.example.test"], "*.example.test", false],
  [[], [".bar.example.test"], "*.EXAMPLE.test", false],
  [[], ["bar.foo.example.test"], "*.example.test", true],
];

test("allowsNames() of DNS names and wildcards", () => {
  for (const [permitted, excluded, name, isAllowed] of CASES) {
    const extensions = [derExtension("2.5.29.17", derSequence(derDnsName(name)))];
    const leaf = readCertificate(makeCertificate({ extensions }).der);
    const limits = { permitted: permitted.map(tree), excluded: excluded.map(tree) };
    assert.equal(
      allowsNames(limits, leaf, true),
      isAllowed,
      `${name} ${permitted.join()} ${excluded.join()}`,
    );
  }
});
