import type { AuditPage as Page } from "../../src/web/schemas/port.ts";
import { here, withQuery } from "../data/route.ts";
import { useReloads } from "../data/use-reloads.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { Empty } from "../parts/empty.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { useNow } from "../parts/use-now.ts";
import { AuditTable } from "./audit-table.tsx";

/** Audits, newest first. */
export function AuditsPage() {
  const asked = new URLSearchParams({ limit: "100" });
  for (const name of ["grade", "container", "port", "before"]) {
    const value = here.value.searchParams.get(name);
    if (value !== null) asked.set(name, value);
  }
  const { value, error, reload } = useLoaded<Page>(`/audits?${asked}`);
  useReloads(["audit"], reload);
  const now = useNow();
  return (
    <main class="page">
      <div class="bar">
        <h1>TLS reports</h1>
        <div class="spans" role="group" aria-label="Grade">
          {["all", ...GRADES].map((grade) => (
            <a
              key={grade}
              aria-current={(asked.get("grade") ?? "all") === grade}
              href={withQuery({ grade: grade === "all" ? undefined : grade, before: undefined })}
            >
              {grade}
            </a>
          ))}
        </div>
      </div>
      {error !== undefined && <Trouble error={error} retry={reload} />}
      {value?.audits.length === 0 && <NoAudits isFiltered={asked.has("grade")} />}
      {value !== undefined && value.audits.length > 0 && (
        <AuditTable audits={value.audits} now={now} />
      )}
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

const GRADES = ["A+", "A", "A-", "B", "C", "D", "E", "F", "T", "M"];

function NoAudits({ isFiltered }: { isFiltered: boolean }) {
  return (
    <Empty title={isFiltered ? "No audit has this grade" : "Nothing was examined yet"}>
      <p>
        Each port that opens is examined by itself, where it lives.{" "}
        <code>saker audit listening</code> examines all that is open now and prints it.
      </p>
    </Empty>
  );
}
