import { escapeUnseen } from "../../src/lib/escape-unseen.ts";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import { CopyButton } from "../parts/copy-button.tsx";

/** The alert as Falco's JSON has it. */
export function RawJson({ alert }: { alert: StoredAlert }) {
  const text = JSON.stringify(alert, null, 2);
  return (
    <details>
      <summary>Raw JSON</summary>
      <CopyButton text={text} />
      <pre>{text.split("\n").map(escapeUnseen).join("\n")}</pre>
    </details>
  );
}
