import type { AuditReport } from "../../src/audit/report.ts";
import { escaped } from "../../src/reports/escaped.ts";

/** What came of each known weakness's probe, those that matter first. */
export function Weaknesses({ weaknesses }: { weaknesses: NonNullable<AuditReport["weaknesses"]> }) {
  const all = Object.entries(weaknesses);
  if (all.length === 0) return null;
  return (
    <section>
      <h2>Weaknesses</h2>
      <ul class="verdicts">
        {VERDICTS.flatMap(([verdict, tone]) =>
          all
            .filter(([, one]) => one === verdict)
            .map(([id]) => (
              <li key={id}>
                <code>{escaped(id)}</code>{" "}
                <span class={tone}>{verdict === "unknown" ? "could not tell" : verdict}</span>
              </li>
            )),
        )}
      </ul>
    </section>
  );
}

const VERDICTS = [
  ["vulnerable", "bad"],
  ["unknown", "fair"],
  ["not vulnerable", "good"],
  ["not applicable", "dim"],
] as const;
