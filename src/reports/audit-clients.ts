import type { AuditReport, ClientReport } from "../audit/report.ts";
import { part } from "./audit-html-pieces.ts";
import { type Html, html } from "./html.ts";

/** Real clients by what they get, those first that get something; empty where that is not known. */
export function clientLines({ clients = [] }: Pick<AuditReport, "clients">): string[] {
  const byOutcome = Map.groupBy(clients, outcomeText);
  return [...byOutcome]
    .toSorted(([, [a]], [, [b]]) => failureRank(a) - failureRank(b))
    .flatMap(([outcome, alike]) => [
      `  ${outcome}`,
      `      ${alike.map(({ name }) => name).join("; ")}`,
    ]);
}

function failureRank(client: ClientReport | undefined): number {
  return client?.failure === undefined ? 0 : 1;
}

/** `TLSv1.3, TLS_AKE_WITH_AES_128_GCM_SHA256, x25519, h2` */
function outcomeText({ version, cipher, groups, alpn, failure, unsure }: ClientReport): string {
  if (failure !== undefined) return `no connection: ${failure}`;
  const known = [version, cipher ?? `could not tell ${unsure ?? ""}`, groups?.join(" or "), alpn];
  return known.filter((part_) => part_ !== undefined).join(", ");
}

/** One row for each client. */
export function clientPart({ clients = [] }: Pick<AuditReport, "clients">): Html {
  if (clients.length === 0) return html``;
  const rows = clients.map(
    ({ name, version = "", cipher, groups = [], alpn = "", failure, unsure = "" }) =>
      failure === undefined
        ? html`<tr><th scope="row">${name}</th><td>${version}</td><td>${cipher === undefined ? `could not tell ${unsure}` : html`<code>${cipher}</code>`}</td><td>${groups.join(" or ")}</td><td>${alpn}</td></tr>
`
        : html`<tr><th scope="row">${name}</th><td colspan="4" class="dim">no connection: ${failure}</td></tr>
`,
  );
  return part(
    "Clients",
    html`<div class="wide"><table class="matrix"><thead><tr><th scope="col">client</th><th scope="col">version</th><th scope="col">suite</th><th scope="col">group</th><th scope="col">ALPN</th></tr></thead><tbody>
${rows}</tbody></table></div>`,
  );
}
