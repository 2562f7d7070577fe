import { useRef } from "preact/hooks";
import { useKeys } from "../parts/use-keys.ts";

/** The page's keys, on `?`. */
export function KeysHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys({ "?": () => dialog.current?.showModal() });
  return (
    <dialog ref={dialog} aria-label="Keys">
      <form method="dialog">
        <h2>Keys</h2>
        <dl class="facts">
          {KEYS.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

const KEYS = [
  ["/", "search"],
  ["j, ↓", "the row below"],
  ["k, ↑", "the row above"],
  ["Enter", "open it"],
  ["Esc", "close"],
  ["Space", "pause, go on"],
  ["?", "these"],
] as const;
