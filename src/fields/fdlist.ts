import { readDescriptorList } from "../events/param-text.ts";
import { ipText } from "../lib/ip-text.ts";
import type { Descriptor } from "../state/descriptor.ts";
import type { Scene } from "../state/scene.ts";
import { fieldsOf } from "./_define.ts";
import type { Field } from "./field.ts";

const { plain } = fieldsOf("fdlist");

/**
 * `fdlist.*`: the descriptors that poll(2) and its like were asked about. The probe does not send
 * those calls; a capture may hold them.
 */
export const FDLIST_FIELDS: readonly Field[] = [
  plain(
    "fdlist.nums",
    "CHARBUF",
    "Numbers of the descriptors that a poll is about, joined by commas",
    joined((_scene, number) => String(number)),
  ),
  plain(
    "fdlist.names",
    "CHARBUF",
    "Their names, in captures",
    ofDescriptor(({ name }) => name),
  ),
  plain(
    "fdlist.cips",
    "CHARBUF",
    "Addresses of their clients, in captures",
    ofDescriptor(({ client }) => (client === undefined ? undefined : ipText(client.address))),
  ),
  plain(
    "fdlist.sips",
    "CHARBUF",
    "Addresses of their servers, in captures",
    ofDescriptor(({ server }) => (server === undefined ? undefined : ipText(server.address))),
  ),
  plain(
    "fdlist.cports",
    "CHARBUF",
    "Ports of their clients, in captures",
    ofDescriptor(({ client }) => (client === undefined ? undefined : String(client.port))),
  ),
  plain(
    "fdlist.sports",
    "CHARBUF",
    "Ports of their servers, in captures",
    ofDescriptor(({ server }) => (server === undefined ? undefined : String(server.port))),
  ),
];

const util: Pick<Field, "name" | "type" | "class" | "doc"> = {
  name: "util.cnt",
  type: "UINT64",
  class: "util",
  doc: "How often this use of the field was asked, this time included",
};

/** `util.*`: nothing of the event. Each use of the counter in a rule counts for itself. */
export const UTIL_FIELDS: readonly Field[] = [
  { ...util, bind: (argument) => (argument === undefined ? counter() : undefined) },
];

function counter(): () => number {
  let count = 0;
  return () => (count += 1);
}

/**
 * Of each descriptor of the list what `read` makes of it, joined by commas; undefined for events
 * without such a list.
 */
function joined(
  read: (scene: Scene, number: number) => string,
): (scene: Scene) => string | undefined {
  return (scene) => {
    const { event } = scene;
    const index = event.type?.params.findIndex((param) => param.type === "FDLIST") ?? -1;
    if (index < 0 || !event.has(index)) return undefined;
    const numbers = readDescriptorList(event, index);
    return numbers.length === 0
      ? undefined
      : numbers.map(({ number }) => read(scene, number)).join(",");
  };
}

/** A list of what was never told has places that say so. */
function ofDescriptor(
  read: (descriptor: Descriptor) => string | undefined,
): (scene: Scene) => string | undefined {
  return joined(({ thread }, number) => {
    const descriptor = thread?.group.descriptors.get(number);
    return descriptor === undefined ? "<NA>" : (read(descriptor) ?? "<NA>");
  });
}
