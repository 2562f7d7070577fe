import { useState } from "preact/hooks";
import { escaped } from "../../src/reports/escaped.ts";
import type { PortDrift, StoredPort } from "../../src/web/schemas/port.ts";
import { useReloads } from "../data/use-reloads.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { AuditLetter, placeText } from "./port-table.tsx";
import { DAY } from "../parts/times.ts";

/** What is otherwise than a day ago. */
export function Drift({ now }: { now: Date }) {
  const [days, setDays] = useState(1);
  const [since] = [Math.floor((now.getTime() - days * DAY) / 60_000) * 60_000];
  const { value: drift, reload } = useLoaded<PortDrift>(`/ports/drift?since=${since}`);
  useReloads(["port-opened", "port-closed", "audit"], reload);
  if (drift === undefined) return null;
  const { opened, closed, regraded } = drift;
  const isSame = opened.length + closed.length + regraded.length === 0;
  return (
    <details class="drift">
      <summary>
        Since {days === 1 ? "yesterday" : `${days} days ago`}:{" "}
        {isSame
          ? "nothing has changed"
          : `${opened.length} opened, ${closed.length} closed, ${regraded.length} with another grade`}
      </summary>
      <label>
        Days{" "}
        <input
          type="number"
          min={1}
          max={90}
          value={days}
          onChange={({ currentTarget: { valueAsNumber } }) => {
            if (valueAsNumber >= 1) setDays(Math.min(90, Math.floor(valueAsNumber)));
          }}
        />
      </label>
      <ul>
        {opened.map((port) => (
          <Changed key={port.id} sign="+" port={port} />
        ))}
        {closed.map((port) => (
          <Changed key={port.id} sign="−" port={port} />
        ))}
        {regraded.map(({ before, after }) => (
          <li key={after.id}>
            <AuditLetter audit={before} /> → <AuditLetter audit={after} /> {escaped(after.target)}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Changed({ sign, port }: { sign: "+" | "−"; port: StoredPort }) {
  return (
    <li>
      <b class={sign === "+" ? "fair" : "dim"}>{sign}</b>{" "}
      <a href={`/ports/${port.id}`}>{placeText(port)}</a> {escaped(port.container ?? "host")}{" "}
      <span class="dim">{escaped(port.exepath ?? "")}</span>
    </li>
  );
}
