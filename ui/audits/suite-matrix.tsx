import type { AuditReport, ProtocolReport } from "../../src/audit/report.ts";
import { escaped } from "../../src/reports/escaped.ts";
import { Letter } from "../parts/letter.tsx";

/** Which suite is accepted in which version, in the server's order where it has one. */
export function SuiteMatrix({ protocols }: { protocols: AuditReport["protocols"] }) {
  const versions = Object.entries(protocols).toSorted(([a], [b]) => (a < b ? 1 : -1));
  if (versions.length === 0) return null;
  const names = new Set(versions.flatMap(([, { ciphers }]) => ciphers.map(({ name }) => name)));
  return (
    <section>
      <h2>Suites</h2>
      <div class="wide" tabindex={0} role="region" aria-label="Suites by version">
        <table class="list matrix">
          <thead>
            <tr>
              <th scope="col">{names.size} suites</th>
              {versions.map(([version, protocol]) => (
                <th key={version} scope="col">
                  {version} <small>{orderText(protocol)}</small>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...names].map((name) => (
              <tr key={name}>
                <th scope="row">
                  <code>{escaped(name)}</code>
                </th>
                {versions.map(([version, protocol]) => (
                  <Cell key={version} name={name} protocol={protocol} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul class="warnings">
        {versions.flatMap(([version, { warnings }]) =>
          warnings.map((warning) => (
            <li key={`${version} ${warning}`}>
              <b>{version}</b> {escaped(warning)}
            </li>
          )),
        )}
      </ul>
    </section>
  );
}

function Cell({ name, protocol }: { name: string; protocol: ProtocolReport }) {
  const index = protocol.ciphers.findIndex((cipher) => cipher.name === name);
  const cipher = protocol.ciphers[index];
  if (cipher === undefined) return <td class="dim">·</td>;
  return (
    <td>
      <Letter letter={cipher.strength} />{" "}
      <small>
        {protocol.cipherPreference === "server" && `${index + 1}. `}
        {escaped(cipher.kexInfo ?? "")}
      </small>
    </td>
  );
}

function orderText({ cipherPreference }: ProtocolReport): string {
  return cipherPreference === "server" || cipherPreference === "client"
    ? `${cipherPreference}'s order`
    : "order not known";
}
