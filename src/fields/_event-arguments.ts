import { paramText } from "../events/param-text.ts";
import { EVENT_TYPES, type NumberFormat } from "../events/schema.ts";
import type { Scene } from "../state/scene.ts";
import { parameterIndex } from "./_event-result.ts";
import { resolvedParam } from "./_path-params.ts";
import type { Extract, FieldType } from "./field.ts";
import { SceneNames } from "./scene-names.ts";

// evt.arg and evt.rawarg: one parameter of an event, by its name or number.

/** One parameter as text. */
export function argumentText(argument: string): Extract {
  return (scene) => {
    const index = parameterIndex(scene.event.type, argument);
    if (index < 0 || index >= scene.event.count) return undefined;
    const led = scene.isResolved
      ? resolvedParam(scene, scene.event.type?.params[index]?.name ?? "")
      : undefined;
    if (led !== undefined) return led;
    const { value, meaning } = paramText(scene.event, index, new SceneNames(scene));
    return meaning === undefined || meaning === "" ? value : meaning;
  };
}

/** What the first event that has such a parameter says of its type, as in the real engine. */
export function rawType(name: string): FieldType | undefined {
  return PARAM_TYPES.get(name);
}

/** Text, for a number or a name that some event's parameter has. */
export function argumentType(argument: string): FieldType | undefined {
  return /^\d+$/.test(argument) || PARAM_TYPES.has(argument) ? "CHARBUF" : undefined;
}

/** Whether some event has a path under that name. */
export function isPathArgument(argument: string | undefined): boolean {
  return argument !== undefined && PATH_PARAM_NAMES.has(argument);
}

const PATH_PARAM_NAMES: ReadonlySet<string> = new Set(
  EVENT_TYPES.flatMap((type) => type?.params ?? [])
    .filter(({ type }) => type === "FSPATH" || type === "FSRELPATH")
    .map(({ name }) => name),
);

const PARAM_TYPES: ReadonlyMap<string, FieldType> = new Map(
  EVENT_TYPES.flatMap((type) => type?.params ?? [])
    .map((param): [string, FieldType] => [param.name, param.type])
    .toReversed(),
);

/** One parameter as the number, text or bytes that it is. */
export function rawArgument(argument: string): Extract {
  return (scene) => {
    const index = parameterIndex(scene.event.type, argument);
    const param = scene.event.type?.params[index];
    if (param === undefined || index >= scene.event.count) return undefined;
    if (TEXT_TYPES.has(param.type)) return scene.event.text(index) ?? "<NA>";
    if (!scene.event.has(index)) return undefined;
    if (param.type === "BYTEBUF") return scene.event.slice(index);
    return SIGNED_TYPES.has(param.type) ? scene.event.int(index) : scene.event.uint(index);
  };
}

/** A raw parameter prints as its event's own parameter does. */
export function rawFormat(argument: string, scene: Scene): NumberFormat | undefined {
  const { type } = scene.event;
  return type?.params[parameterIndex(type, argument)]?.format;
}

/** A number without any bytes, as captures of old engines have it, prints as 0 and equals nothing. */
export function rawEmpty(argument: string, { event }: Scene): string | undefined {
  const index = parameterIndex(event.type, argument);
  return index >= 0 && index < event.count && !event.has(index) ? "0" : undefined;
}

const TEXT_TYPES: ReadonlySet<string> = new Set(["CHARBUF", "FSPATH", "FSRELPATH"]);
const SIGNED_TYPES: ReadonlySet<string> = new Set([
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "ERRNO",
  "FD",
  "PID",
]);
