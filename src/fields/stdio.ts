import type { Descriptor } from "../state/descriptor.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import { kindName } from "./fd.ts";
import type { Field } from "./field.ts";

/**
 * A process's descriptors by their numbers. On a live host which ones it has open is not tracked,
 * since calls that close or replace one need not be among the events that are watched: an answer is
 * there for the descriptor that the event itself is about (dup2 over stdin, a read). A capture
 * tells of all.
 */
export const STDIO_FIELDS: readonly Field[] = [
  ...["stdin", "stdout", "stderr"].flatMap((stream, number) => streamFields(stream, number)),
  fieldsOf("fd").keyed(
    "fd.types",
    "CHARBUF",
    "Kind of descriptor n, on events that are about it; without n the kinds of all open ones, in captures",
    { kind: "index", required: false, list: true, noRightSide: true },
    (argument) => {
      // Without a number it is the kinds of all descriptors that are open.
      if (argument === undefined) return (scene) => kindsOf(scene);
      if (!/^\d{1,9}$/.test(argument)) return undefined;
      const number = Number(argument);
      return (scene) => {
        const kind = kindName(descriptorAt(scene, number));
        return kind === undefined ? undefined : [kind];
      };
    },
  ),
];

function streamFields(stream: string, number: number): Field[] {
  const { plain } = fieldsOf("process");
  return [
    plain(
      `proc.${stream}.type`,
      "CHARBUF",
      `Kind of descriptor ${number}; on a live host on events that are about it`,
      (scene) => kindName(descriptorAt(scene, number)),
    ),
    plain(
      `proc.${stream}.name`,
      "CHARBUF",
      `Name of descriptor ${number}; on a live host on events that are about it`,
      (scene) => descriptorAt(scene, number)?.name,
    ),
  ];
}

/** Each kind once, that of the descriptor opened last first. */
function kindsOf({ thread }: Scene): string[] | undefined {
  if (thread === undefined) return undefined;
  const kinds = [...thread.group.descriptors.values()].toReversed().map(kindName);
  return [...new Set(kinds.filter((kind) => kind !== undefined))];
}

function descriptorAt({ thread, descriptor }: Scene, number: number): Descriptor | undefined {
  if (thread !== undefined) return thread.group.descriptors.get(number);
  return descriptor?.number === number ? descriptor : undefined;
}
