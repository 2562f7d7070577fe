import { useEffect, useRef } from "preact/hooks";

/** What a key does, by the name that the browser gives it (`j`, `Enter`, ` `). */
export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/**
 * Keys of the whole page, while what uses them is shown. In a field only Escape counts, and what is
 * a control takes its own Enter and space.
 */
export function useKeys(keys: Keys): void {
  const held = useRef(keys);
  held.current = keys;
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const action = held.current[event.key];
      if (action === undefined || isTaken(event)) return;
      event.preventDefault();
      action(event);
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

function isTaken({ key, target }: KeyboardEvent): boolean {
  if (!(target instanceof Element) || key === "Escape") return false;
  if (target.matches("input:not([type=checkbox]), textarea, select")) return true;
  if (key === "Enter") return target.matches("a, button, summary, input");
  return key === " " && target.matches("button, summary, input");
}
