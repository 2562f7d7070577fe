import { useEffect, useRef } from "preact/hooks";
import { escaped } from "../../src/reports/escaped.ts";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { Facts } from "../parts/facts.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { SilenceForm } from "../silences/silence-form.tsx";
import { type FilterName, toggled } from "./alert-filter.ts";
import { ExceptionWriter } from "./exception-writer.tsx";
import { FieldChips } from "./field-chips.tsx";
import { toneOf } from "./priorities.ts";
import { processTree } from "./process-tree.ts";
import { RawJson } from "./raw-json.tsx";
import { RuleText } from "./rule-text.tsx";

/** All of one alert. `known` saves asking for one that is in the table. */
export function AlertDrawer({
  id,
  known,
  onClose,
}: {
  id: string;
  known: StoredAlert | undefined;
  onClose: () => void;
}) {
  const loaded = useLoaded<StoredAlert>(known === undefined ? `/alerts/${id}` : undefined);
  const alert = known ?? loaded.value;
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  return (
    <aside class="drawer" ref={box} tabindex={-1} aria-label="Alert">
      <button type="button" class="close quiet" aria-label="Close" title="Esc" onClick={onClose}>
        ×
      </button>
      {alert !== undefined ? (
        <Alert alert={alert} />
      ) : (
        loaded.error !== undefined && <Trouble error={loaded.error} retry={loaded.reload} />
      )}
    </aside>
  );
}

function Alert({ alert }: { alert: StoredAlert }) {
  const { priority, rule, time, hostname, container, tags, source, message, silence } = alert;
  return (
    <>
      <header>
        <span class={`priority ${toneOf(priority)}`}>
          <i class="dot" />
          {priority}
        </span>
        <h2>{escaped(rule)}</h2>
        <p class="tags dim">
          <time dateTime={time}>{new Date(time).toLocaleString("en-GB")}</time>
          <Only name="host" value={hostname} />
          <Only name="source" value={source} />
          {container !== null && <Only name="container" value={container} />}
        </p>
      </header>
      {silence !== null && (
        <p class="fair">
          Silenced: it was sent to no output (<a href="/silences">silence {escaped(silence)}</a>).
        </p>
      )}
      <p class="message">{escaped(message)}</p>
      <p class="tags">
        {tags.map((tag) => (
          <Only key={tag} name="tag" value={tag} />
        ))}
      </p>
      <p class="tags">
        <a class="button small" href={toggled("rule", rule)}>
          Only this rule
        </a>
        <a class="button small" href={toggled("rule!", rule)}>
          Leave out this rule
        </a>
      </p>
      <SilenceForm alert={alert} />
      <ExceptionWriter alert={alert} />
      <Tree alert={alert} />
      {container !== null && container !== "host" && <Container alert={alert} />}
      <RuleText alert={alert} />
      <FieldChips fields={alert.output_fields} />
      <RawJson alert={alert} />
    </>
  );
}

/** A word that the filter can be narrowed to. */
function Only({ name, value }: { name: FilterName; value: string }) {
  return (
    <a class="tag" href={toggled(name, value)} title={`Only this ${name}`}>
      {escaped(value)}
    </a>
  );
}

function Tree({ alert }: { alert: StoredAlert }) {
  const processes = processTree(alert.output_fields);
  if (processes.length === 0) return null;
  return (
    <section>
      <h3>Process</h3>
      <ol class="tree">
        {processes.map(({ name, pid, command }, depth) => (
          <li key={depth} style={{ paddingInlineStart: `${depth}em` }}>
            <b>{escaped(name)}</b>
            {pid !== undefined && <small> {escaped(pid)}</small>}
            {command !== undefined && command !== name && <code>{escaped(command)}</code>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Container({ alert: { output_fields, container } }: { alert: StoredAlert }) {
  const named = Object.entries(output_fields)
    .filter(([name, value]) => /^(container|k8s)\./.test(name) && value !== null && value !== "")
    .map(([name, value]) => [name, String(value)] as const);
  return (
    <section>
      <h3>Container</h3>
      <Facts facts={named.length > 0 ? named : [["name", container ?? ""]]} />
      <p>
        <a href={`/ports?${new URLSearchParams({ container: container ?? "", state: "all" })}`}>
          Its ports
        </a>
      </p>
    </section>
  );
}
