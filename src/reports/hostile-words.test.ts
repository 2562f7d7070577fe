import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { full } from "../../test/fixtures/audit-reports.ts";
import type { AuditReport } from "../audit/report.ts";
import { auditHtml } from "./audit-html.ts";
import { auditJson } from "./audit-json.ts";
import { auditNmap } from "./audit-nmap.ts";
import { auditNmapXml } from "./audit-nmap-xml.ts";
import { auditText } from "./audit-text.ts";

/** A report in which everything that a peer may word says `words`. */
function saying(words: string): AuditReport {
  return {
    ...full,
    target: words,
    host: words,
    address: "192.0.2.1",
    container: words,
    certificates: full.certificates.map((one) => ({
      ...one,
      subject: words,
      issuer: words,
      names: [words],
      notAfter: words,
      notBefore: words,
      signatureAlgorithm: words,
      serialNumber: words,
      oddities: [words],
    })),
    chains: (full.chains ?? []).map((one) => ({
      ...one,
      distrust: words,
      superfluous: [words],
      missingIssuer: words,
    })),
    features: { ...full.features, alpn: [words] },
    findings: full.findings.map((one) => ({ ...one, evidence: words })),
    errors: [{ probe: "robot", error: words }],
  };
}

const HARMLESS = saying("x");
/** Strings of anything, and of what markup and terminals care for. */
const words = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(
      "<",
      ">",
      "&",
      '"',
      "'",
      "\n",
      "\r",
      "\u001b[2J",
      "\u009b",
      "\u202e",
      "\ud800",
      "]]>",
      "<!--",
      "`",
      "|_",
      "\u0000",
      "\uffff",
    ),
  }),
);
const tags = (markup: string): string[] => markup.match(/<[^>]*>/g) ?? [];

test("no words of a peer change the shape of a report", () => {
  const [page, xmlTags, text, nmap] = [
    tags(auditHtml([HARMLESS])),
    tags(auditNmapXml([HARMLESS], "1")).map(name),
    auditText(HARMLESS),
    auditNmap(HARMLESS),
  ];
  fc.assert(
    fc.property(words, (said) => {
      const report = saying(said);
      assert.deepEqual(tags(auditHtml([report])), page);
      const xml = auditNmapXml([report], "1");
      assert.deepEqual(tags(xml).map(name), xmlTags);
      // XML 1.0 §2.2: what no document may contain, even escaped.
      assert.doesNotMatch(xml, /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u);
      for (const [ours, theirs] of [
        [text, auditText(report)],
        [nmap, auditNmap(report)],
      ] as const) {
        assert.equal(theirs.split("\n").length, ours.split("\n").length);
        assert.doesNotMatch(theirs.replaceAll("\n", ""), /[\p{Cc}\p{Zl}\p{Zp}\u202e]/u);
      }
      assert.deepEqual(JSON.parse(auditJson(report)), report);
      assert.doesNotMatch(auditJson(report).replaceAll("\n", ""), /[\p{Cc}\p{Zl}\p{Zp}\u202e]/u);
    }),
    { numRuns: 300 },
  );
});

function name(tag: string): string {
  return tag.split(/[\s>]/)[0] ?? "";
}
