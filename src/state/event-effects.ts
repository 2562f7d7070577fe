import { EVENT_TYPES } from "../events/schema.ts";
import { DESCRIPTOR_CHANGES } from "./descriptor-changes.ts";
import type { Change } from "./thread-table.ts";
import { THREAD_CHANGES } from "./thread-changes.ts";

/** An event type that has nothing to do with descriptors. */
export const NO_PARAM = -2;

/** What a table of threads has to know of an event type. */
export interface EventEffect {
  /**
   * Whose the event is: its thread's own (which is made when it is not known), the thread's if it
   * is known, the thread's that it may make known, or nobody's.
   */
  readonly lookup: "own" | "known" | "clone" | "none";
  /**
   * Number of the parameter that is the descriptor in use; -1 for a type that makes one; `NO_PARAM`
   * for others.
   */
  readonly descriptorParam: number;
  readonly change: Change | undefined;
}

/** Events about the host or of somebody else. */
const FOREIGN_EVENTS: ReadonlySet<string> = new Set([
  "container",
  "useradded",
  "userdeleted",
  "groupadded",
  "groupdeleted",
  "pluginevent",
  "asyncevent",
]);
const CLONES: ReadonlySet<string> = new Set(["clone", "clone3", "fork", "vfork"]);

/** What each event type does to a table of threads, by its code. */
export const EVENT_EFFECTS: readonly (EventEffect | undefined)[] = EVENT_TYPES.map((type) => {
  if (type === undefined) return undefined;
  const { name, flags } = type;
  const isForeign =
    FOREIGN_EVENTS.has(name) ||
    (flags.includes("SKIPPARSERESET") && name !== "procinfo" && name !== "switch");
  const lookup = isForeign
    ? "none"
    : CLONES.has(name)
      ? "clone"
      : name === "switch" || name === "procexit" || name === "procinfo"
        ? "known"
        : "own";
  const param = flags.includes("USES_FD")
    ? type.params.findIndex((candidate) => candidate.type === "FD" && candidate.name !== "res")
    : -1;
  const isAboutDescriptors = ["USES_FD", "CREATES_FD", "DESTROYS_FD"].some((flag) =>
    flags.some((own) => own === flag),
  );
  return {
    lookup,
    descriptorParam: isAboutDescriptors ? param : NO_PARAM,
    change: THREAD_CHANGES[name] ?? DESCRIPTOR_CHANGES[name],
  };
});
