import type { AuditReport, CertificateReport, ChainReport } from "../../src/audit/report.ts";
import { certificateFacts, chainFacts } from "../../src/reports/audit-facts.ts";
import { escaped } from "../../src/reports/escaped.ts";
import { Facts } from "../parts/facts.tsx";

/** Each chain from the leaf to what it must end in; then the certificates that belong to none. */
export function Chains({ report: { chains = [], certificates } }: { report: AuditReport }) {
  const inChains = new Set(chains.flatMap(({ sent }) => sent));
  const others = certificates.filter(({ fingerprintSha256 }) => !inChains.has(fingerprintSha256));
  return (
    <>
      {chains.map((chain, index) => (
        <section key={index}>
          <h2>Chain of the {escaped(chain.keyType)} key</h2>
          <Facts facts={chainFacts(chain)} />
          <Chain chain={chain} certificates={certificates} />
        </section>
      ))}
      {others.length > 0 && (
        <section>
          <h2>Certificates</h2>
          <ol class="chain">
            {others.map((one) => (
              <li key={one.fingerprintSha256}>
                <Certificate certificate={one} isOpen={false} />
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  );
}

function Chain({
  chain,
  certificates,
}: {
  chain: ChainReport;
  certificates: readonly CertificateReport[];
}) {
  const sent = chain.sent.flatMap(
    (print) => certificates.find(({ fingerprintSha256 }) => fingerprintSha256 === print) ?? [],
  );
  return (
    <ol class="chain">
      {sent.map((certificate, index) => {
        const before = sent[index - 1];
        const isLinked = before === undefined || before.issuer === certificate.subject;
        return (
          <li key={index} class={isLinked ? "linked" : "loose"}>
            {before !== undefined && (
              <span class="link">↑ {isLinked ? "signed by" : "then sent, not its issuer"}</span>
            )}
            <Certificate certificate={certificate} isOpen={before === undefined} />
            {chain.superfluous.includes(certificate.subject) && (
              <p class="fair">nothing needs it</p>
            )}
          </li>
        );
      })}
      <End chain={chain} sent={sent} />
    </ol>
  );
}

/** What the server does not send: the root in the trust store, or the issuer that nobody has. */
function End({
  chain: { anchor, missingIssuer, isTrusted },
  sent,
}: {
  chain: ChainReport;
  sent: readonly CertificateReport[];
}) {
  if (missingIssuer !== undefined)
    return (
      <li class="absent bad">
        <span class="link">↑ signed by</span>missing: {escaped(missingIssuer)}
      </li>
    );
  if (!isTrusted || anchor === undefined) return null;
  const isSent = sent.some(
    ({ subject, fingerprintSha256 }) => subject === anchor || fingerprintSha256 === anchor,
  );
  return (
    <li class="absent good">
      <span class="link">↑ {isSent ? "which is" : "signed by"}</span>
      {isSent ? "in the trust store" : `${escaped(anchor)}, in the trust store`}
    </li>
  );
}

function Certificate({ certificate, isOpen }: { certificate: CertificateReport; isOpen: boolean }) {
  return (
    <details open={isOpen}>
      <summary>
        {escaped(certificate.subject) || "(no subject)"}{" "}
        <small>until {certificate.notAfter?.slice(0, 10) ?? "(no date)"}</small>
      </summary>
      <Facts facts={certificateFacts(certificate)} />
    </details>
  );
}
