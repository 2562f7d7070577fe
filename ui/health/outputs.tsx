import { escaped } from "../../src/reports/escaped.ts";
import type { WatchHealth } from "../../src/web/schemas/health.ts";
import { countText } from "../parts/numbers.ts";

/** Where alerts go, what waits there, and what did not arrive. */
export function Outputs({ outputs }: { outputs: WatchHealth["outputs"] }) {
  if (outputs.length === 0) return null;
  return (
    <section>
      <h2>Outputs</h2>
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Output</th>
            <th scope="col">To</th>
            <th scope="col">Delivered</th>
            <th scope="col">In digests</th>
            <th scope="col">Waiting</th>
            <th scope="col">Refused</th>
            <th scope="col">Lost</th>
          </tr>
        </thead>
        <tbody>
          {outputs.map(({ name, target, delivered, digested, waiting, refused, dropped }) => (
            <tr key={`${name} ${target}`}>
              <td>{escaped(name)}</td>
              <td class="path">{escaped(target)}</td>
              <td>{countText(delivered)}</td>
              <td>{countText(digested)}</td>
              <td>{countText(waiting)}</td>
              <td>{reasonsText(refused)}</td>
              <td class={Object.keys(dropped).length > 0 ? "bad" : ""}>{reasonsText(dropped)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function reasonsText(reasons: Readonly<Record<string, number>>): string {
  const counted = Object.entries(reasons).filter(([, count]) => count > 0);
  if (counted.length === 0) return "0";
  return counted.map(([reason, count]) => `${countText(count)} × ${escaped(reason)}`).join(", ");
}
