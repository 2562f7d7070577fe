import { useEffect, useRef } from "preact/hooks";
import { follow, type LiveHandlers } from "./live.ts";

/** Reads anew some time after one of these events came in, and when the stream is back. */
export function useReloads(
  names: readonly Exclude<keyof LiveHandlers, "opened">[],
  reload: () => void,
): void {
  const held = useRef(reload);
  held.current = reload;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        held.current();
      }, AFTER_MS);
    };
    const end = follow({
      ...Object.fromEntries(names.map((name) => [name, soon])),
      gap: soon,
      opened: soon,
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, []);
}

/** A burst of openings is read once. */
const AFTER_MS = 300;
