import { portablePath } from "../containers/cgroup-path.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { Container } from "../containers/container.ts";
import { containerEventJson } from "../containers/container-event.ts";
import { encodeEvent, paramBytes } from "../events/encode.ts";
import { Event } from "../events/event.ts";
import { CONTEXT } from "../events/record.ts";
import { eventType } from "../events/schema.ts";

// What a capture of this host says of containers: the probe's records tell a control group by its
// number, which means nothing elsewhere.

/** Events that begin a program or a process, and the number of their parameter `cgroups`. */
const STARTS: ReadonlySet<number> = new Set(
  ["execve", "execveat", "clone", "clone3", "fork", "vfork"].map((name) => eventType(name).code),
);
const CGROUPS = 14;

const CONTAINER = eventType("container").code;

/**
 * The event itself, or where it begins a program or a process in a container a copy with the
 * control group that makes it one. Hot: nearly all are neither.
 */
export function containedEvent(event: Event, containers: ContainerRegistry): Event {
  if (!STARTS.has(event.code) || event.has(CGROUPS) || event.context < 0) return event;
  const container = containers.byCgroup(event.contextU64(CONTEXT.cgroup));
  if (container === undefined) return event;
  const params = Array.from({ length: Math.max(event.count, CGROUPS + 1) }, (_, index) =>
    index < event.count ? event.slice(index) : paramBytes.none,
  );
  params[CGROUPS] = paramBytes.text(`pids=${portablePath(container)}`);
  return loaded({ timestamp: event.timestamp, tid: event.tid, code: event.code, params });
}

/** The container in whose control group an event happened; undefined on the host. */
export function containerOfEvent(
  event: Event,
  containers: ContainerRegistry,
): Container | undefined {
  return STARTS.has(event.code) && event.context >= 0
    ? containers.byCgroup(event.contextU64(CONTEXT.cgroup))
    : undefined;
}

/**
 * The event that tells of a container; undefined while its runtime has not. `now`: epoch
 * nanoseconds.
 */
export function containerEvent(container: Container, now: bigint): Event | undefined {
  if (container.metadata === undefined) return undefined;
  return loaded({
    timestamp: now,
    tid: 0,
    code: CONTAINER,
    params: [paramBytes.text(containerEventJson(container))],
  });
}

/**
 * The same as a watch tells its rules of it: Falco's plugin sends it as an asynchronous event of this
 * name.
 */
export function containerNews(container: Container, now: bigint): Event {
  return loaded({
    timestamp: now,
    tid: 0,
    code: ASYNC,
    params: [
      paramBytes.number(0, 4),
      paramBytes.text("container"),
      paramBytes.text(containerEventJson(container)),
    ],
  });
}

const ASYNC = eventType("asyncevent").code;

function loaded(values: Parameters<typeof encodeEvent>[0]): Event {
  const bytes = encodeEvent(values);
  const event = new Event();
  event.load(bytes, new DataView(bytes.buffer), 0, bytes.length, false);
  return event;
}
