import type { z } from "zod";
import type { AuditReport } from "../../src/audit/report.ts";
import type { StoredAudit } from "../../src/web/schemas/port.ts";
import { API } from "../data/api.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { CopyButton } from "../parts/copy-button.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { useNow } from "../parts/use-now.ts";
import { Report } from "./report.tsx";

/** One audit whole; its address is the permalink. */
export function AuditPage({ id }: { id: string }) {
  const path = `/audits/${encodeURIComponent(id)}`;
  const { value, error, reload } = useLoaded<z.infer<typeof StoredAudit>>(path);
  const now = useNow(60_000);
  if (value === undefined)
    return (
      <main class="page">{error !== undefined && <Trouble error={error} retry={reload} />}</main>
    );
  return (
    <main class="page">
      <div class="bar no-print">
        <a href="/audits">← TLS reports</a>
        <span class="grow" />
        <CopyButton text={location.href} label="Copy link" />
        {FORMATS.map(([format, text]) => (
          <a
            key={format}
            class="button small"
            href={`${API}${path}/report?format=${format}`}
            download
          >
            {text}
          </a>
        ))}
      </div>
      {/* What `saker audit --schema` promises is what the API keeps. */}
      <Report report={value.report as unknown as AuditReport} now={now} />
    </main>
  );
}

const FORMATS = [
  ["html", "HTML"],
  ["text", "Text"],
  ["nmap", "nmap"],
  ["json", "JSON"],
] as const;
