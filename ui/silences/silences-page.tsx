import { useState } from "preact/hooks";
import { escaped } from "../../src/reports/escaped.ts";
import type { Silence, SilenceList } from "../../src/web/schemas/silence.ts";
import { send } from "../data/api.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { useReloads } from "../data/use-reloads.ts";
import { Empty } from "../parts/empty.tsx";
import { countText } from "../parts/numbers.ts";
import { agoText } from "../parts/times.ts";
import { Trouble } from "../parts/trouble.tsx";
import { useNow } from "../parts/use-now.ts";

/** What nobody is told of, until when and why. */
export function SilencesPage() {
  const { value, error, reload } = useLoaded<SilenceList>("/silences");
  // One that begins or ends is a note.
  useReloads(["notice"], reload);
  const [failure, setFailure] = useState<Error>();
  const now = useNow();
  const end = (id: string): void => {
    send("DELETE", `/silences/${id}`)
      .then(() => setFailure(undefined), setFailure)
      .finally(reload);
  };
  const trouble = error ?? failure;
  return (
    <main class="page">
      <h1>Silences</h1>
      <p class="dim">
        Alerts that fall under one are kept, marked and counted, and sent to no output.{" "}
        <a href="/alerts?silenced=yes">Show silenced alerts</a>
      </p>
      {trouble !== undefined && <Trouble error={trouble} retry={reload} />}
      {value?.silences.length === 0 && (
        <Empty title="Nothing is silenced">
          <p>
            Open an alert and choose Silence, or run{" "}
            <code>saker silence "RULE" --for 2h --because "WHY"</code>
          </p>
        </Empty>
      )}
      {value !== undefined && value.silences.length > 0 && (
        <SilenceTable silences={value.silences} now={now} onEnd={end} />
      )}
    </main>
  );
}

function SilenceTable({
  silences,
  now,
  onEnd,
}: {
  silences: readonly Silence[];
  now: Date;
  onEnd: (id: string) => void;
}) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col">Only where</th>
          <th scope="col">Because</th>
          <th scope="col">Ends</th>
          <th scope="col">Silenced</th>
          <th scope="col" aria-label="End it" />
        </tr>
      </thead>
      <tbody>
        {silences.map(({ id, rule, fields, because, until, count }) => (
          <tr key={id}>
            <td>{escaped(rule)}</td>
            <td class="path">
              {Object.entries(fields).map(([name, value]) => (
                <div key={name}>{escaped(`${name}=${value}`)}</div>
              ))}
            </td>
            <td>{escaped(because)}</td>
            <td>
              <time
                dateTime={new Date(until).toISOString()}
                title={new Date(until).toLocaleString("en-GB")}
              >
                ends {agoText(new Date(until), now)}
              </time>
            </td>
            <td>
              {countText(count)} {count === 1 ? "alert" : "alerts"}
            </td>
            <td>
              <button
                type="button"
                class="small"
                aria-label={`End the silence of ${escaped(rule)}`}
                onClick={() => onEnd(id)}
              >
                End
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
