import { useState } from "preact/hooks";
import { escaped } from "../../src/reports/escaped.ts";
import type { PortHistory } from "../../src/web/schemas/port.ts";
import { send } from "../data/api.ts";
import { useReloads } from "../data/use-reloads.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { AuditTable } from "../audits/audit-table.tsx";
import { Empty } from "../parts/empty.tsx";
import { Facts } from "../parts/facts.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { useNow } from "../parts/use-now.ts";
import { AuditLetter, openText, ownerText, placeText } from "./port-table.tsx";

/** One port: what it is, when it was open, and each audit of it. */
export function PortPage({ id }: { id: string }) {
  const path = `/ports/${encodeURIComponent(id)}`;
  const { value, error, reload } = useLoaded<PortHistory>(path);
  useReloads(["port-opened", "port-closed", "audit"], reload);
  const now = useNow();
  if (value === undefined)
    return (
      <main class="page">{error !== undefined && <Trouble error={error} retry={reload} />}</main>
    );
  const { port, openings, audits } = value;
  return (
    <main class="page">
      <p>
        <a href="/ports">← Ports</a>
      </p>
      <header class="report-head">
        <AuditLetter audit={audits[0] ?? null} />
        <div>
          <h1>{placeText(port)}</h1>
          <p class="dim">
            {port.container === null ? "on the host" : `in ${escaped(port.container)}`} ·{" "}
            {escaped(port.hostname)}
          </p>
        </div>
        <a
          class="button"
          href={`/alerts?${new URLSearchParams({ container: port.container ?? "host", tag: "open_port" })}`}
        >
          Its alerts
        </a>
        <AuditAgain path={path} isOpen={port.closedAt === null} />
      </header>
      <Facts
        facts={[
          ["who listens", ownerText(port)],
          ["open", openText(port, now)],
          ["network namespace", `${port.namespace}`],
          ...(port.containerId === null ? [] : [["container", port.containerId] as const]),
          ...(audits[0]?.reachable == null ? [] : [["reachable", audits[0].reachable] as const]),
        ]}
      />
      <h2>Audits</h2>
      {audits.length === 0 ? (
        <Empty title="It was not examined" />
      ) : (
        <AuditTable audits={audits} now={now} />
      )}
      <Openings openings={openings} />
    </main>
  );
}

function Openings({ openings }: Pick<PortHistory, "openings">) {
  return (
    <section>
      <h2>Openings</h2>
      <ul class="openings">
        {openings.map((one) => (
          <li key={one.id}>
            {when(one.openedAt)} – {one.closedAt === null ? <b>open</b> : when(one.closedAt)}{" "}
            <span class="dim">{ownerText(one)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function when(time: string) {
  return <time dateTime={time}>{new Date(time).toLocaleString("en-GB")}</time>;
}

function AuditAgain({ path, isOpen }: { path: string; isOpen: boolean }) {
  const [said, setSaid] = useState<string>();
  const ask = async (): Promise<void> => {
    setSaid("asked …");
    await send("POST", `${path}/audit`).then(
      () => setSaid("is being examined"),
      (cause: unknown) => setSaid((cause as Error).message),
    );
  };
  return (
    <div class="again">
      <button type="button" disabled={!isOpen} onClick={() => void ask()}>
        Audit again
      </button>
      <span role="status" class="dim">
        {said}
      </span>
    </div>
  );
}
