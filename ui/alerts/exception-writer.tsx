import { useState } from "preact/hooks";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import { CopyButton } from "../parts/copy-button.tsx";
import { escapedLines } from "../parts/escaped-lines.ts";
import { exceptionText, isExceptable, usualExceptionFields } from "./exception-text.ts";
import { FieldPicks } from "./field-picks.tsx";

/** An exception for this alert, of the fields that one picks, to be put into a file of rules. */
export function ExceptionWriter({ alert }: { alert: StoredAlert }) {
  const [names, setNames] = useState(() => usualExceptionFields(alert.output_fields));
  const fields = Object.entries(alert.output_fields).filter(([name, value]) =>
    isExceptable(name, value),
  );
  if (fields.length === 0) return null;
  const text = exceptionText(alert, names);
  return (
    <details>
      <summary>Write an exception</summary>
      <p class="dim">
        Alerts of this rule with these values are then left out. Put it into a file of rules, such
        as <code>falco_custom_rules.yaml</code>: the watch reads it again by itself.
      </p>
      <FieldPicks fields={fields} picked={names} onPick={setNames} />
      {names.length === 0 ? (
        <p class="fair">Pick a field: an exception without any would leave out every alert.</p>
      ) : (
        <>
          <CopyButton text={text} />
          <pre>{escapedLines(text)}</pre>
        </>
      )}
    </details>
  );
}
