import { useState } from "preact/hooks";
import { escaped } from "../../src/reports/escaped.ts";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import type { NewSilence, Silence } from "../../src/web/schemas/silence.ts";
import { FieldPicks } from "../alerts/field-picks.tsx";
import { send } from "../data/api.ts";

/** Silences alerts such as this one for a while: of its rule, and where these fields are the same. */
export function SilenceForm({ alert }: { alert: StoredAlert }) {
  const fields = silenceable(alert);
  const [picked, setPicked] = useState<readonly string[]>(() =>
    fields.slice(0, 1).map(([name]) => name),
  );
  const [said, setSaid] = useState<string>();
  const silence = async (form: FormData): Promise<void> => {
    const because = form.get("because");
    if (typeof because !== "string") return;
    setSaid("asked …");
    const asked: NewSilence = {
      rule: alert.rule,
      fields: Object.fromEntries(fields.filter(([name]) => picked.includes(name))),
      because,
      seconds: Number(form.get("seconds")),
    };
    await send<Silence>("POST", "/silences", asked).then(
      ({ until }) => setSaid(`silenced until ${new Date(until).toLocaleString("en-GB")}`),
      (cause: unknown) => setSaid((cause as Error).message),
    );
  };
  return (
    <details>
      <summary>Silence</summary>
      <p class="dim">
        For a while alerts of <b>{escaped(alert.rule)}</b> are kept, marked and counted, and sent to
        no output.
      </p>
      <form
        class="silence"
        onSubmit={(event) => {
          event.preventDefault();
          void silence(new FormData(event.currentTarget));
        }}
      >
        <FieldPicks fields={fields} picked={picked} onPick={setPicked} withValues />
        <label>
          For
          <Spans />
        </label>
        <label class="grow">
          Because
          <input name="because" required maxLength={500} />
        </label>
        <button type="submit">Silence</button>
      </form>
      <p role="status" class="dim">
        {said} {said !== undefined && <a href="/silences">All silences</a>}
      </p>
    </details>
  );
}

function Spans() {
  return (
    <select name="seconds">
      {SPANS.map(([text, seconds]) => (
        <option key={seconds} value={seconds} selected={seconds === 2 * HOUR}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** What most often says which alerts are meant: the container first, then program and file. */
function silenceable({ output_fields }: StoredAlert): readonly (readonly [string, string])[] {
  const container = ["container.name", "container.id"].find((name) => isSaid(output_fields[name]));
  const names = [...(container === undefined ? [] : [container]), ...OTHER_FIELDS];
  return names.flatMap((name) => {
    const value = output_fields[name];
    return isSaid(value) ? [[name, String(value)] as const] : [];
  });
}

function isSaid(value: StoredAlert["output_fields"][string] | undefined): boolean {
  return (typeof value === "string" && value !== "") || typeof value === "number";
}

const OTHER_FIELDS = ["proc.name", "proc.exepath", "fd.name", "fd.sport", "user.name"];
const HOUR = 3600;
const SPANS = [
  ["30 minutes", HOUR / 2],
  ["2 hours", 2 * HOUR],
  ["8 hours", 8 * HOUR],
  ["1 day", 24 * HOUR],
  ["7 days", 168 * HOUR],
  ["30 days", 720 * HOUR],
] as const;
