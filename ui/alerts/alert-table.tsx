import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import { useMedia } from "../parts/use-media.ts";
import { useNow } from "../parts/use-now.ts";
import { useVirtualRows } from "../parts/use-virtual-rows.ts";
import type { AlertFeed } from "./alert-feed.ts";
import { AlertRow } from "./alert-row.tsx";

/** The alerts of a feed; rows that are out of sight do not exist. */
export function AlertTable({
  feed,
  selected,
  onOpen,
}: {
  feed: AlertFeed;
  selected: number | undefined;
  onOpen: (alert: StoredAlert) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const { rows, from, to, rowHeight } = useRows(box, feed, selected);
  const now = useNow(60_000);
  return (
    <div
      class="table"
      role="grid"
      tabindex={0}
      aria-activedescendant={selected === undefined ? undefined : `alert-${selected}`}
      aria-label="Alerts"
      aria-rowcount={feed.hasOlder.value ? -1 : rows.length + 1}
    >
      <Head />
      <div
        class="body"
        role="rowgroup"
        ref={box}
        onScroll={({ currentTarget }) => feed.scrolled(currentTarget.scrollTop > 4)}
      >
        <div
          class="rows"
          role="presentation"
          style={{ height: `${(rows.length + 1) * rowHeight}px` }}
        >
          {rows.slice(from, to).map((alert, index) => (
            <AlertRow
              key={alert.id}
              alert={alert}
              index={from + index}
              top={(from + index) * rowHeight}
              now={now}
              isSelected={alert.id === selected}
              onOpen={onOpen}
            />
          ))}
          {!feed.hasOlder.value && !feed.isLoading.value && <End top={rows.length * rowHeight} />}
        </div>
      </div>
    </div>
  );
}

/** The rows in sight; older ones are read when one comes near the end. */
function useRows(
  box: RefObject<HTMLDivElement | null>,
  feed: AlertFeed,
  selected: number | undefined,
) {
  const rowHeight = useMedia("(max-width: 48rem)") ? 62 : 30;
  const rows = feed.rows.value;
  const { from, to, show } = useVirtualRows(box, rows.length, rowHeight);
  useEffect(() => {
    if (to >= rows.length - 50) void feed.readOlder();
  }, [to, rows.length, feed]);
  useEffect(() => {
    const index = rows.findIndex(({ id }) => id === selected);
    if (index >= 0) show(index);
  }, [selected]);
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = 0;
  }, [feed]);
  return { rows, from, to, rowHeight };
}

function End({ top }: { top: number }) {
  return (
    <p class="end" style={{ transform: `translateY(${top}px)` }}>
      No older one is kept
    </p>
  );
}

function Head() {
  return (
    <div class="row head" role="row">
      {["Time", "Priority", "Rule", "Container", "Output"].map((name) => (
        <span key={name} role="columnheader">
          {name}
        </span>
      ))}
    </div>
  );
}
