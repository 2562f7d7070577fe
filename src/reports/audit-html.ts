import type { AuditReport } from "../audit/report.ts";
import { datagramFacts, datagrams, type Fact, featureFacts, whereText } from "./audit-facts.ts";
import { clientPart } from "./audit-clients.ts";
import { chainParts } from "./audit-html-chain.ts";
import { badge, factTable, part } from "./audit-html-pieces.ts";
import { AUDIT_STYLE } from "./audit-html-style.ts";
import { suiteMatrix } from "./audit-html-suites.ts";
import { attentionRank } from "./audit-rows.ts";
import { auditSummary, plainText } from "./audit-summary.ts";
import { type Html, html } from "./html.ts";
import { severityTone } from "./ink.ts";

/**
 * Audits as one page that needs nothing else: no scripts, no fonts, nothing from elsewhere. Several
 * targets get an overview with links, worst first.
 */
export function auditHtml(reports: readonly AuditReport[]): string {
  const ordered = reports.toSorted((a, b) => attentionRank(b) - attentionRank(a));
  const [only] = ordered;
  const title =
    reports.length === 1 && only !== undefined ? only.target : `${reports.length} ports`;
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TLS of ${title}</title>
<style>${AUDIT_STYLE}</style>
</head>
<body>
<main>
${ordered.length === 1 ? [] : [overview(ordered)]}${ordered.map(reportSection)}</main>
</body>
</html>
`.text;
}

function overview(reports: readonly AuditReport[]): Html {
  const rows = reports.map(
    (
      report,
      index,
    ) => html`<tr><td>${letterOf(report)}</td><td>${report.grade === undefined ? "" : badge(report.grade.ignoringTrust ?? report.grade.letter)}</td><td><a href="#target-${index}">${report.target}</a></td><td>${spoken(report)}</td><td>${severe(report)}</td></tr>
`,
  );
  return html`<section class="overview"><h1>TLS of ${reports.length} ports</h1>
<p class="tally">${tally(reports)}</p>
<div class="wide"><table><thead><tr><th>grade</th><th>encryption</th><th>target</th><th>protocols</th><th>what matters</th></tr></thead><tbody>
${rows}</tbody></table></div></section>
`;
}

/** How many targets have each letter, in the order of the table. */
function tally(reports: readonly AuditReport[]): Html[] {
  const counts = Map.groupBy(reports, ({ grade }) => grade?.letter);
  return [...counts].map(
    ([letter, { length }]) =>
      html`<span>${length} × ${letter === undefined ? "no grade" : badge(letter)}</span> `,
  );
}

function spoken(report: AuditReport): string {
  if (report.tls !== true) return plainText(report);
  return Object.keys(report.protocols).toSorted().join(" ") || "TLS, but no suite was accepted";
}

function severe({ findings }: AuditReport): string {
  return findings
    .filter(({ severity }) => severity !== "info" && severity !== "low")
    .map(({ title }) => title)
    .join("; ");
}

/** The letter in its colour; a dash for ports without, a question mark where nobody knows. */
function letterOf({ grade, tls }: AuditReport): Html {
  return badge(grade?.letter ?? (tls === undefined ? "?" : "–"));
}

function reportSection(report: AuditReport, index: number): Html {
  return html`<article id="target-${index}">
<header>${letterOf(report)}<div><h1>${report.target}</h1><p>${auditSummary(report)}</p><p class="dim">${whereText(report)}</p></div></header>
${[
  gradePart(report),
  findingsPart(report),
  suiteMatrix(report),
  part("Features", factTable(featureFacts(report))),
  ...chainParts(report),
  weaknessPart(report),
  clientPart(report),
  ...datagrams(report).flatMap(([name, one]) => [
    part(`${name}, over UDP`, factTable(datagramFacts(name, one))),
    suiteMatrix({ protocols: one.protocols ?? {} }, `Suites of ${name}`),
  ]),
  part("Could not tell", factTable(report.errors.map(({ probe, error }): Fact => [probe, error]))),
]}</article>
`;
}

function gradePart({ grade }: AuditReport): Html {
  if (grade === undefined) return html``;
  const bars = Object.entries({
    protocols: grade.scores.protocol,
    "key exchange": grade.scores.keyExchange,
    ciphers: grade.scores.cipher,
    score: grade.score,
  });
  return part(
    "Grade",
    html`<div class="bars">${bars.map(([name, score]) => html`<span>${name}</span><meter min="0" max="100" low="50" high="80" optimum="100" value="${score}" aria-label="${name}">${score}</meter><span>${score}</span>`)}</div>
${grade.caps.length === 0 ? html`<p class="dim">Nothing but the score decides the letter.</p>` : html`<ul class="caps">${grade.caps.map(({ cap, reason }) => html`<li>${badge(cap)} at best: ${reason}</li>`)}</ul>`}${
      grade.ignoringTrust === undefined
        ? ""
        : html`<p>Without the question of trust: ${badge(grade.ignoringTrust)}</p>`
    }`,
  );
}

function findingsPart({ findings }: AuditReport): Html {
  const rows = findings.map(
    ({
      severity,
      title,
      evidence,
      explanation,
    }) => html`<tr><td class="severity ${severityTone(severity)}">${severity}</td><td><b>${title}</b><br><code>${evidence}</code>${explanation === undefined ? "" : html`<p class="dim">${explanation}</p>`}</td></tr>
`,
  );
  return rows.length === 0
    ? html``
    : part(
        "Findings",
        html`<table><tbody>
${rows}</tbody></table>`,
      );
}

/** Verdicts in the order in which they matter, with their colours. */
const VERDICTS = [
  ["vulnerable", "bad"],
  ["unknown", "fair"],
  ["not vulnerable", "good"],
  ["not applicable", "dim"],
] as const;

function weaknessPart({ weaknesses = {} }: AuditReport): Html {
  const all = Object.entries(weaknesses);
  if (all.length === 0) return html``;
  const cells = VERDICTS.flatMap(([verdict, tone]) =>
    all
      .filter(([, one]) => one === verdict)
      .map(
        ([
          id,
        ]) => html`<li><code>${id}</code> <span class="${tone}">${verdict === "unknown" ? "could not tell" : verdict}</span></li>
`,
      ),
  );
  return part(
    "Weaknesses",
    html`<ul class="verdicts">
${cells}</ul>`,
  );
}
