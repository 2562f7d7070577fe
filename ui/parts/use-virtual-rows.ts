import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/** The rows that are in sight, and a few more at either end: `from` to `to`, which is not one. */
export interface VirtualRows {
  readonly from: number;
  readonly to: number;
  /** Scrolls as little as it takes to bring a row into sight. */
  readonly show: (index: number) => void;
}

/** Of `count` rows, all of one height in pixels, in a box that scrolls: those that must exist. */
export function useVirtualRows(
  box: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
): VirtualRows {
  const [{ top, height }, setWindow] = useState({ top: 0, height: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const look = (): void => setWindow({ top: element.scrollTop, height: element.clientHeight });
    look();
    const resized = new ResizeObserver(look);
    resized.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [box]);
  const first = Math.floor(top / rowHeight);
  const visible = Math.ceil(height / rowHeight);
  return {
    from: Math.max(0, Math.min(first, count - visible) - OVERSCAN),
    to: Math.min(count, first + visible + OVERSCAN),
    show: (index) => {
      const element = box.current;
      if (element === null) return;
      const start = index * rowHeight;
      const lowest = start + rowHeight - element.clientHeight;
      if (element.scrollTop > start) element.scrollTop = start;
      else if (element.scrollTop < lowest) element.scrollTop = lowest;
    },
  };
}

const OVERSCAN = 8;
