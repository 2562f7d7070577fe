import type { ComponentChildren } from "preact";
import type { AuditReport } from "../../src/audit/report.ts";
import {
  datagramFacts,
  datagrams,
  type Fact,
  featureFacts,
  whereText,
} from "../../src/reports/audit-facts.ts";
import { auditSummary } from "../../src/reports/audit-summary.ts";
import { escaped } from "../../src/reports/escaped.ts";
import { severityTone } from "../../src/reports/ink.ts";
import { Expiry } from "../parts/expiry.tsx";
import { Facts } from "../parts/facts.tsx";
import { Letter } from "../parts/letter.tsx";
import { Chains } from "./chains.tsx";
import { Grade } from "./grade.tsx";
import { SuiteMatrix } from "./suite-matrix.tsx";
import { Weaknesses } from "./weaknesses.tsx";

/** An audit in SSL Labs' manner: the letter, why, what is wrong, and then all that was seen. */
export function Report({ report, now }: { report: AuditReport; now: Date }) {
  const { grade, tls, target, certificates, errors } = report;
  const [leaf] = certificates;
  return (
    <article class="report">
      <header class="report-head">
        <Letter letter={grade?.letter ?? (tls === undefined ? "?" : "–")} size="big" />
        <div>
          <h1>{escaped(target)}</h1>
          <p>{auditSummary(report)}</p>
          <p class="dim">{escaped(whereText(report))}</p>
          {leaf?.notAfter !== undefined && (
            <p>
              Certificate <Expiry notAfter={leaf.notAfter} now={now} />
            </p>
          )}
        </div>
      </header>
      {grade !== undefined && <Grade grade={grade} />}
      <Findings report={report} />
      <SuiteMatrix protocols={report.protocols} />
      <Section title="Features" facts={featureFacts(report)} />
      <Chains report={report} />
      <Weaknesses weaknesses={report.weaknesses ?? {}} />
      {datagrams(report).map(([name, one]) => (
        <Section key={name} title={`${name}, over UDP`} facts={datagramFacts(name, one)} />
      ))}
      <Section
        title="Could not tell"
        facts={errors.map(({ probe, error }): Fact => [probe, error])}
      />
    </article>
  );
}

function Section({ title, facts }: { title: string; facts: readonly Fact[] }) {
  if (facts.length === 0) return null;
  return (
    <Part title={title}>
      <Facts facts={facts} />
    </Part>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Findings({ report: { findings } }: { report: AuditReport }) {
  if (findings.length === 0) return null;
  return (
    <Part title="Findings">
      <ul class="findings">
        {findings.map(({ id, severity, title, evidence, explanation }) => (
          <li key={`${id} ${evidence}`} class={severityTone(severity)}>
            <span class="severity">{severity}</span>
            <div>
              <b>{escaped(title)}</b>
              <code>{escaped(evidence)}</code>
              {explanation !== undefined && <p class="dim">{escaped(explanation)}</p>}
            </div>
          </li>
        ))}
      </ul>
    </Part>
  );
}
