import type { EventType } from "../events/schema.ts";
import type { Scene } from "../state/scene.ts";

/** True for events that a system call made: their codes are odd. */
export function isSyscall(scene: Scene): boolean {
  return scene.event.code % 2 === 1;
}

/** What a call came to; events without a call (procexit) have no result. */
export function resultOf(scene: Scene): number | undefined {
  const first = scene.event.type?.params[0];
  if (!isSyscall(scene) || first === undefined || !(first.name === "res" || first.name === "fd"))
    return undefined;
  return scene.event.int(0);
}

/** The place of a parameter by its name or number; -1 for one that is not there. */
export function parameterIndex(type: EventType | undefined, argument: string): number {
  if (type === undefined) return -1;
  return /^\d+$/.test(argument)
    ? Number(argument)
    : type.params.findIndex((param) => param.name === argument);
}
