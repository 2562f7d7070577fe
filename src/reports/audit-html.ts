import type { AuditReport, CertificateReport, ChainReport, ProtocolReport } from "../audit/report.ts";
import { certificateFacts, chainFacts, type Fact, featureFacts, weaknessFacts } from "./audit-facts.ts";
import { attentionRank } from "./audit-rows.ts";
import { AUDIT_STYLE } from "./audit-html-style.ts";
import { auditSummary, plainText } from "./audit-summary.ts";
import { type Html, html } from "./html.ts";

/** Audits as one page that needs nothing else: no scripts, no fonts, nothing from elsewhere. Several targets get an overview with links, worst first. */
export function auditHtml(reports: readonly AuditReport[]): string {
  const ordered = reports.length > 1 ? reports.toSorted((a, b) => attentionRank(b) - attentionRank(a)) : reports;
  const [only] = ordered;
  const title = reports.length === 1 && only !== undefined ? only.target : `${reports.length} ports`;
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TLS of ${title}</title>
<style>${AUDIT_STYLE}</style>
</head>
<body>
<main>
${ordered.length > 1 ? [overview(ordered)] : []}${ordered.map(reportSection)}
</main>
</body>
</html>
`.text;
}

function overview(reports: readonly AuditReport[]): Html {
  const rows = reports.map(
    (report, index) => html`<tr><td>${letter(report)}</td><td>${report.grade === undefined ? html`` : badge(report.grade.ignoringTrust ?? report.grade.letter)}</td><td><a href="#target-${index}">${report.target}</a></td><td>${Object.keys(report.protocols).toSorted().join(" ") || plainText(report)}</td><td>${severe(report)}</td></tr>
`,
  );
  return html`<section><h1>TLS of ${reports.length} ports</h1>
<div class="wide"><table><thead><tr><th>grade</th><th>encryption</th><th>target</th><th>protocols</th><th>what matters</th></tr></thead><tbody>
${rows}</tbody></table></div></section>
`;
}

function severe({ findings }: AuditReport): string {
  return findings.filter(({ severity }) => severity !== "info" && severity !== "low").map(({ title }) => title).join("; ");
}

/** The letter in its colour; a dash for ports without. */
function letter({ grade }: AuditReport): Html {
  return grade === undefined ? html`<span class="letter none">–</span>` : badge(grade.letter);
}

function badge(text: string): Html {
  return html`<span class="letter ${text.startsWith("A") ? "good" : text === "B" || text === "C" ? "fair" : text === "unknown" ? "none" : "bad"}">${text}</span>`;
}

function reportSection(report: AuditReport, index: number): Html {
  return html`<article id="target-${index}">
<header>${letter(report)}<div><h1>${report.target}</h1><p>${auditSummary(report)}</p><p class="dim">examined ${report.startedAt}, at ${report.host} port ${report.port}${report.reachable === undefined ? "" : `; reachable: ${report.reachable}`}</p></div></header>
${gradePart(report)}${findingsPart(report)}${matrix(report)}${factsPart("Features", featureFacts(report))}${(report.chains ?? []).map((chain) => chainPart(chain, report.certificates))}${factsPart("Weaknesses", weaknessFacts(report))}${errorsPart(report)}</article>
`;
}

function gradePart({ grade }: AuditReport): Html {
  if (grade === undefined) return html``;
  const bars = Object.entries({ protocols: grade.scores.protocol, "key exchange": grade.scores.keyExchange, ciphers: grade.scores.cipher, score: grade.score });
  return html`<section><h2>Grade</h2>
<div class="bars">${bars.map(([name, score]) => html`<label>${name}<meter min="0" max="100" low="50" high="80" optimum="100" value="${score}"></meter>${score}</label>`)}</div>
<ul>${grade.caps.map(({ cap, reason }) => html`<li>${badge(cap)} at best: ${reason}</li>`)}</ul>${grade.ignoringTrust === undefined ? html`` : html`<p>Without the question of trust: ${badge(grade.ignoringTrust)}</p>`}</section>
`;
}

function findingsPart({ findings }: AuditReport): Html {
  if (findings.length === 0) return html``;
  const rows = findings.map(({ severity, title, evidence, explanation = "" }) => html`<tr><td class="severity ${severity}">${severity}</td><td><b>${title}</b><br><code>${evidence}</code><p class="dim">${explanation}</p></td></tr>
`);
  return html`<section><h2>Findings</h2><table><tbody>
${rows}</tbody></table></section>
`;
}

/** Which suite is accepted in which version, with ssl-enum-ciphers' letters. */
function matrix({ protocols }: AuditReport): Html {
  const versions = Object.keys(protocols).toSorted().toReversed();
  if (versions.length === 0) return html``;
  const names = [...new Set(versions.flatMap((version) => protocols[version]?.ciphers.map(({ name }) => name) ?? []))];
  const rows = names.map((name) => html`<tr><th scope="row"><code>${name}</code></th>${versions.map((version) => cell(protocols[version], name))}</tr>
`);
  const notes = versions.map((version) => html`<li><b>${version}</b> ${[`${protocols[version]?.cipherPreference ?? "no"} preference`, ...(protocols[version]?.warnings ?? [])].join("; ")}</li>`);
  return html`<section><h2>Suites</h2><div class="wide"><table class="matrix"><thead><tr><th></th>${versions.map((version) => html`<th>${version}</th>`)}</tr></thead><tbody>
${rows}</tbody></table></div><ul class="dim">${notes}</ul></section>
`;
}

function cell(protocol: ProtocolReport | undefined, name: string): Html {
  const found = protocol?.ciphers.find((cipher) => cipher.name === name);
  return found === undefined ? html`<td class="dim">·</td>` : html`<td>${badge(found.strength)} <small>${found.kexInfo ?? ""}</small></td>`;
}

function chainPart(chain: ChainReport, certificates: readonly CertificateReport[]): Html {
  const sent = chain.sent.map((print) => certificates.find(({ fingerprintSha256 }) => fingerprintSha256 === print)).filter((one) => one !== undefined);
  const steps = sent.map((certificate) => html`<li><details${sent[0] === certificate ? html` open` : html``}><summary>${certificate.subject || "(no subject)"}</summary>${factTable(certificateFacts(certificate))}</details></li>`);
  return html`<section><h2>Chain of the ${chain.keyType} key</h2>${factTable(chainFacts(chain))}<ol class="chain">${steps}</ol></section>
`;
}

function factsPart(title: string, facts: readonly Fact[]): Html {
  return facts.length === 0 ? html`` : html`<section><h2>${title}</h2>${factTable(facts)}</section>
`;
}

function factTable(facts: readonly Fact[]): Html {
  return html`<dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function errorsPart({ errors }: AuditReport): Html {
  return factsPart("Could not tell", errors.map(({ probe, error }): Fact => [probe, error]));
}
