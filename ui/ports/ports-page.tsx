import { escaped } from "../../src/reports/escaped.ts";
import type { PortPage as Page } from "../../src/web/schemas/port.ts";
import { here, withQuery } from "../data/route.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { useReloads } from "../data/use-reloads.ts";
import { Empty } from "../parts/empty.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { useNow } from "../parts/use-now.ts";
import { Drift } from "./drift.tsx";
import { PortTable } from "./port-table.tsx";

/** What listens, in which container, reachable from where, and how good it is. */
export function PortsPage() {
  const asked = new URLSearchParams({ state: "open", limit: "200" });
  for (const name of ["state", "container", "port", "before"]) {
    const given = here.value.searchParams.get(name);
    if (given !== null) asked.set(name, given);
  }
  const state = asked.get("state") ?? "open";
  const { value, error, reload } = useLoaded<Page>(`/ports?${asked}`);
  useReloads(["port-opened", "port-closed", "audit"], reload);
  const now = useNow();
  return (
    <main class="page">
      <div class="bar">
        <h1>Ports</h1>
        <div class="spans" role="group" aria-label="Which ports">
          {STATES.map((name) => (
            <a
              key={name}
              aria-current={state === name}
              href={withQuery({ state: name === "open" ? undefined : name, before: undefined })}
            >
              {name}
            </a>
          ))}
        </div>
        {asked.has("container") && (
          <a class="part" href={withQuery({ container: undefined })}>
            container = {escaped(asked.get("container") ?? "")} <span aria-hidden="true">×</span>
          </a>
        )}
      </div>
      <Drift now={now} />
      {error !== undefined && <Trouble error={error} retry={reload} />}
      {value?.ports.length === 0 && <NoPorts state={state} />}
      {value !== undefined && value.ports.length > 0 && <PortTable ports={value.ports} now={now} />}
      {value?.older != null && (
        <p>
          <a class="button" href={withQuery({ before: `${value.older}` })}>
            Older
          </a>
        </p>
      )}
    </main>
  );
}

const STATES = ["open", "closed", "all"];

function NoPorts({ state }: { state: string }) {
  return (
    <Empty title={state === "closed" ? "No port has closed yet" : "Nothing listens"}>
      <p>
        A port appears here as soon as something listens. Which ones count is decided by the rules
        with the tag <code>open_port</code>; <code>saker ports</code> lists all.
      </p>
    </Empty>
  );
}
