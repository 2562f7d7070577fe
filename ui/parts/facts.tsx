import type { Fact } from "../../src/reports/audit-facts.ts";
import { escaped } from "../../src/reports/escaped.ts";

/** Names and values below each other; nothing for none. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  if (facts.length === 0) return null;
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{escaped(name)}</dt>
          <dd>{escaped(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
