import { escaped } from "../../src/reports/escaped.ts";
import { escapedLines } from "../parts/escaped-lines.ts";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import type { RuleDetail } from "../../src/web/schemas/rule.ts";
import { useLoaded } from "../data/use-loaded.ts";

/** The rule of an alert: what it says, and each clause with the values that it saw. */
export function RuleText({ alert }: { alert: StoredAlert }) {
  const { value: rule, error } = useLoaded<RuleDetail>(`/rules/${encodeURIComponent(alert.rule)}`);
  if (rule === undefined)
    return error === undefined ? null : (
      <section>
        <h3>Rule</h3>
        <p class="dim">Its text is not here: {error.message}</p>
      </section>
    );
  return (
    <section>
      <h3>Rule</h3>
      <p>{escaped(rule.desc)}</p>
      <p class="dim">All of these hold for an alert, as the rule is loaded now:</p>
      <ul class="clauses">
        {rule.clauses.map((clause) => (
          <Clause key={clause} clause={clause} fields={alert.output_fields} />
        ))}
      </ul>
      <details>
        <summary>As it is written, in {escaped(rule.file)}</summary>
        <pre>{escapedLines(rule.condition)}</pre>
      </details>
    </section>
  );
}

function Clause({ clause, fields }: { clause: string; fields: StoredAlert["output_fields"] }) {
  const named = [...new Set(clause.match(FIELD_NAME))].filter((name) => name in fields);
  return (
    <li>
      <code class="lines">{escapedLines(clause)}</code>
      {named.map((name) => (
        <span key={name} class="seen">
          {name} was <b>{escaped(String(fields[name]))}</b>
        </span>
      ))}
    </li>
  );
}

const FIELD_NAME = /\b[a-z]+\.[a-z][\w.]*(?:\[[^\]]*\])?/g;
