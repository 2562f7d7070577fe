import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import { CopyButton } from "../parts/copy-button.tsx";
import { escapedLines } from "../parts/escaped-lines.ts";

/** The alert as Falco's JSON has it. */
export function RawJson({ alert }: { alert: StoredAlert }) {
  const text = JSON.stringify(alert, null, 2);
  return (
    <details>
      <summary>Raw JSON</summary>
      <CopyButton text={text} />
      <pre>{escapedLines(text)}</pre>
    </details>
  );
}
