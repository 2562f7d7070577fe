import type { FieldValue } from "../fields/field.ts";
import { epochNanoseconds } from "../lib/time-text.ts";
import { type Priority, priorityByName } from "../rules/priority.ts";
import type { Alert } from "./alert.ts";

/**
 * One line of Falco's JSON as an alert, or why it is none. Unknown keys are left out, missing ones
 * get their neutral value.
 */
export function parseAlert(
  line: string,
  newUuid: () => string,
): { alert: Alert } | { reason: string } {
  let value: unknown;
  try {
    // A file's first line may begin with a byte-order mark.
    value = JSON.parse(line.replace(/^\uFEFF/, ""));
  } catch {
    return { reason: "it is not JSON" };
  }
  if (!isRecord(value)) return { reason: "it is not a JSON object" };
  const {
    rule,
    priority,
    output,
    time,
    source,
    hostname,
    tags,
    output_fields: outputFields,
    uuid,
  } = value;
  if (typeof rule !== "string") return { reason: 'it has no "rule"' };
  return {
    alert: {
      rule,
      priority: (typeof priority === "string" ? priorityByName(priority) : undefined) ?? LEAST,
      source: typeof source === "string" ? source : "syscall",
      tags: Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [],
      time: typeof time === "string" ? epochNanoseconds(time) : 0n,
      hostname: typeof hostname === "string" ? hostname : "",
      message: messageOf(typeof output === "string" ? output : ""),
      outputFields: isRecord(outputFields) ? fieldsOf(outputFields) : {},
      uuid: typeof uuid === "string" ? uuid : newUuid(),
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const LEAST: Priority = "Debug";

/** Falco's output begins with its time and priority, which an alert carries on its own. */
function messageOf(output: string): string {
  return output.replace(
    /^[\d:.T+-]+Z?: (?:Emergency|Alert|Critical|Error|Warning|Notice|Informational|Debug) /,
    "",
  );
}

function fieldsOf(fields: Record<string, unknown>): Record<string, FieldValue | null> {
  const known: Record<string, FieldValue | null> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (
      value === null ||
      typeof value === "string" ||
      typeof value === "number" ||
      typeof value === "boolean"
    )
      known[name] = value;
  }
  return known;
}
