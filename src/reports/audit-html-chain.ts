import type { AuditReport, CertificateReport, ChainReport } from "../audit/report.ts";
import { certificateFacts, chainFacts } from "./audit-facts.ts";
import { factTable, part } from "./audit-html-pieces.ts";
import { type Html, html } from "./html.ts";

/**
 * A part for each chain, drawn from the leaf to what it must end in; then the certificates that
 * belong to none.
 */
export function chainParts({ chains = [], certificates }: AuditReport): Html[] {
  const inChains = new Set(chains.flatMap(({ sent }) => sent));
  const others = certificates.filter(({ fingerprintSha256 }) => !inChains.has(fingerprintSha256));
  return [
    ...chains.map((chain) => chainPart(chain, certificates)),
    part(
      "Certificates",
      others.length === 0
        ? html``
        : html`<ol class="chain">${others.map((certificate) => html`<li>${folded(certificate, false)}</li>`)}</ol>`,
    ),
  ];
}

function chainPart(chain: ChainReport, certificates: readonly CertificateReport[]): Html {
  const sent = chain.sent.flatMap(
    (print) => certificates.find(({ fingerprintSha256 }) => fingerprintSha256 === print) ?? [],
  );
  const boxes = sent.map((certificate, index) => box(certificate, sent[index - 1], chain));
  return part(
    `Chain of the ${chain.keyType} key`,
    html`${factTable(chainFacts(chain))}<ol class="chain">${boxes}${end(chain, sent)}</ol>`,
  );
}

/** One that was sent, and how it belongs to the one before. */
function box(
  certificate: CertificateReport,
  before: CertificateReport | undefined,
  { superfluous }: ChainReport,
): Html {
  const isIssuer = before?.issuer === certificate.subject;
  const link = before === undefined ? "" : isIssuer ? "signed by" : "then sent, not its issuer";
  return html`<li class="${isIssuer || before === undefined ? "linked" : "loose"}">${linkText(link)}${folded(certificate, before === undefined)}${superfluous.includes(certificate.subject) ? html`<p class="fair">nothing needs it</p>` : ""}</li>`;
}

/** What the server does not send: the root in the trust store, or the issuer that nobody has. */
function end(
  { anchor, missingIssuer, isTrusted }: ChainReport,
  sent: readonly CertificateReport[],
): Html {
  if (missingIssuer !== undefined)
    return html`<li class="absent bad">${linkText("signed by")}missing: ${missingIssuer}</li>`;
  if (!isTrusted || anchor === undefined) return html``;
  const isSent = sent.some(
    ({ subject, fingerprintSha256 }) => subject === anchor || fingerprintSha256 === anchor,
  );
  return isSent
    ? html`<li class="absent good">${linkText("which is")}in the trust store</li>`
    : html`<li class="absent good">${linkText("signed by")}${anchor}, in the trust store</li>`;
}

function linkText(text: string): Html {
  return text === "" ? html`` : html`<span class="link">↑ ${text}</span>`;
}

function folded(certificate: CertificateReport, isOpen: boolean): Html {
  return html`<details${isOpen ? html` open` : ""}><summary>${certificate.subject || "(no subject)"} <small>until ${certificate.notAfter?.slice(0, 10) ?? "(no date)"}</small></summary>${factTable(certificateFacts(certificate))}</details>`;
}
