import type { Selectable } from "kysely";
import type { OutputFields } from "../alerts/alert.ts";
import type { AuditReport } from "../audit/report.ts";
import { epochNanoseconds } from "../lib/time-text.ts";
import type { News, PortNews } from "../news/news.ts";
import { PRIORITIES } from "../rules/priority.ts";
import type { KeptAlert } from "./alert-queries.ts";
import type { KeptPort } from "./port-queries.ts";
import type { Tables } from "./tables.ts";

/** An alert's row as the news that it was; values that have no form in JSON are their text. */
export function alertNewsOf(row: KeptAlert): News {
  const time = epochNanoseconds(row.time);
  return {
    kind: "alert",
    sequence: row.sequence ?? 0,
    time,
    host: row.host,
    alert: {
      rule: row.rule,
      priority: PRIORITIES[row.priority] ?? "Debug",
      source: row.source,
      tags: JSON.parse(row.tags) as string[],
      time,
      hostname: row.host,
      message: row.message,
      outputFields: fieldsIn(row.fields),
      uuid: row.uuid,
    },
  };
}

/** An audit's row as the news that it was, without the path of its files. */
export function auditNewsOf(row: Selectable<Tables["audit"]>): News {
  const report = JSON.parse(row.report) as AuditReport;
  return { kind: "audit", ...stampOf(row), report };
}

/** A port's row as the news of its opening or closing. */
export function portNewsOf(kind: "port-opened" | "port-closed", row: KeptPort): News {
  const { protocol, address, port, namespace, container, exepath, pid } = row;
  const containerId = row.container_id ?? undefined;
  const news: PortNews = {
    protocol,
    address,
    port,
    namespace,
    ...(container === null ? {} : { container }),
    ...(containerId === undefined ? {} : { containerId }),
    ...(exepath === null || pid === null ? {} : { process: { pid, exepath } }),
  };
  const at = kind === "port-closed" ? { ...row, id: row.closed ?? row.id, sequence: null } : row;
  return { kind, ...stampOf(at), port: news };
}

function stampOf({
  id,
  sequence,
  host,
}: {
  readonly id: number;
  readonly sequence: number | null;
  readonly host: string;
}): { readonly sequence: number; readonly time: bigint; readonly host: string } {
  return { sequence: sequence ?? 0, time: BigInt(id) * 1000n, host };
}

/** Whole numbers that JavaScript's do not hold, as times in nanoseconds, stay what they are. */
function fieldsIn(text: string): OutputFields {
  const whole = (_: string, value: unknown, { source = "" }: { source?: string }): unknown =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
      ? BigInt(source)
      : value;
  return JSON_PARSE(text, whole) as OutputFields;
}

/** The source of a value (ECMAScript proposal, in Node since 21) is not in TypeScript's library yet. */
const JSON_PARSE = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;
