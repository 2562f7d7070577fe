import type { AuditReport, ProtocolReport } from "../audit/report.ts";
import { badge, part } from "./audit-html-pieces.ts";
import { type Html, html } from "./html.ts";

/**
 * Which suite is accepted in which version, with ssl-enum-ciphers' letters, the place in the
 * server's order where it has one, and what the key exchange rests on.
 */
export function suiteMatrix({ protocols }: Pick<AuditReport, "protocols">, title = "Suites"): Html {
  const versions = Object.entries(protocols).toSorted(([a], [b]) => (a < b ? 1 : -1));
  if (versions.length === 0) return html``;
  const names = [
    ...new Set(versions.flatMap(([, { ciphers }]) => ciphers.map(({ name }) => name))),
  ];
  const columns = versions.map(([, protocol]) => cells(protocol));
  const rows = names.map(
    (
      name,
    ) => html`<tr><th scope="row"><code>${name}</code></th>${columns.map((column) => column.get(name) ?? html`<td class="dim">·</td>`)}</tr>
`,
  );
  const heads = versions.map(
    ([version, protocol]) =>
      html`<th scope="col">${version}<br><small>${orderText(protocol)}</small></th>`,
  );
  const warnings = versions.flatMap(([version, protocol]) =>
    protocol.warnings.map(
      (warning) => html`<li><b>${version}</b> ${warning}</li>
`,
    ),
  );
  return part(
    title,
    html`<div class="wide"><table class="matrix"><thead><tr><th scope="col">${names.length} suites</th>${heads}</tr></thead><tbody>
${rows}</tbody></table></div>${warnings.length === 0 ? "" : html`<ul class="dim">${warnings}</ul>`}`,
  );
}

function cells({ ciphers, cipherPreference }: ProtocolReport): Map<string, Html> {
  const hasOrder = cipherPreference === "server";
  return new Map(
    ciphers.map(({ name, strength, kexInfo = "" }, index) => [
      name,
      html`<td>${badge(strength)} <small>${hasOrder ? `${index + 1}. ` : ""}${kexInfo}</small></td>`,
    ]),
  );
}

function orderText({ cipherPreference, chacha20First, compressors }: ProtocolReport): string {
  const order =
    cipherPreference === "server" || cipherPreference === "client"
      ? `${cipherPreference}'s order`
      : "order not known";
  const compressed =
    compressors?.some((name) => name !== "NULL") === true
      ? `, compression ${compressors.join(" ")}`
      : "";
  return `${order}${chacha20First === true ? ", ChaCha20 if first" : ""}${compressed}`;
}
