/** Falco's priorities, most urgent first. */
export const PRIORITIES = [
  "Emergency",
  "Alert",
  "Critical",
  "Error",
  "Warning",
  "Notice",
  "Informational",
  "Debug",
] as const;
/** One of `PRIORITIES`. */
export type Priority = (typeof PRIORITIES)[number];

/** A priority by its name, in any case; `info` is Informational. */
export function priorityByName(name: string): Priority | undefined {
  const lower = name.toLowerCase();
  return PRIORITIES.find(
    (priority) =>
      priority.toLowerCase() === lower || (lower === "info" && priority === "Informational"),
  );
}

/** True when `priority` is at least as urgent as `minimum`. */
export function isAtLeast(priority: Priority, minimum: Priority): boolean {
  return PRIORITIES.indexOf(priority) <= PRIORITIES.indexOf(minimum);
}

/** 0 for the most urgent. */
export function urgencyOf(priority: Priority): number {
  return PRIORITIES.indexOf(priority);
}
