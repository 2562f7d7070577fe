import { escaped } from "../../src/reports/escaped.ts";
import type { StoredAlert } from "../../src/web/schemas/alert.ts";
import { momentText } from "../parts/times.ts";
import { toneOf } from "./priorities.ts";

/** One alert in the table, `top` pixels below its beginning. */
export function AlertRow({
  alert,
  index,
  top,
  now,
  isSelected,
  onOpen,
}: {
  alert: StoredAlert;
  index: number;
  top: number;
  now: Date;
  isSelected: boolean;
  onOpen: (alert: StoredAlert) => void;
}) {
  const { time, priority, rule, container, hostname, message, silence } = alert;
  return (
    <div
      class={`row ${toneOf(priority)}${isSelected ? " selected" : ""}${silence === null ? "" : " silenced"}`}
      role="row"
      id={`alert-${alert.id}`}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onOpen(alert)}
    >
      <time role="gridcell" dateTime={time} title={time}>
        {momentText(new Date(time), now)}
      </time>
      <span role="gridcell" class="priority">
        <i class="dot" />
        {priority}
      </span>
      <span role="gridcell" class="rule">
        {silence !== null && <small>silenced </small>}
        {escaped(rule)}
      </span>
      <span role="gridcell" class="container" title={escaped(hostname)}>
        {escaped(container ?? "")}
      </span>
      <span role="gridcell" class="output">
        {escaped(message)}
      </span>
    </div>
  );
}
