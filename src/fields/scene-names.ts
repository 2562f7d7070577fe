import type { ParamNames } from "../events/param-text.ts";
import { dateTimeText } from "../lib/time-text.ts";
import { letterOf } from "./fd.ts";
import { isTooLong, joinPath, TOO_LONG } from "../state/path.ts";
import type { Scene } from "../state/scene.ts";

/** What the numbers of an event's parameters stand for, looked up in its scene. */
export class SceneNames implements ParamNames {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  descriptor(fd: number): string | undefined {
    const { descriptor: own, thread } = this.#scene;
    const descriptor = own?.number === fd ? own : thread?.group.descriptors.get(fd);
    if (descriptor === undefined || descriptor.isUnknown === true) return undefined;
    const transport =
      descriptor.protocol === undefined ? "" : (TRANSPORTS[descriptor.protocol] ?? "");
    return `<${letterOf(descriptor) ?? ""}${transport}>${descriptor.name}`;
  }

  process(pid: number): string | undefined {
    // A process without a name has none to print: not even parentheses.
    const comm = this.#scene.processes.get(pid)?.comm;
    return comm === "" && this.#scene.thread === undefined ? undefined : comm;
  }

  user(uid: number): string | undefined {
    return this.#scene.accounts.userName(uid);
  }

  group(gid: number): string | undefined {
    return this.#scene.accounts.groupName(gid);
  }

  absolute(path: string, dirfd: number | undefined): string | undefined {
    const base = this.#scene.directoryOf(dirfd);
    const isShort = this.#scene.thread === undefined || !isTooLong(base, path);
    return isShort ? joinPath(base, path) : TOO_LONG;
  }

  dateTime(epochNs: bigint): string {
    return dateTimeText(epochNs, this.#scene.utcOffsetMinutes(Number(epochNs / 1_000_000n)));
  }
}

const TRANSPORTS: Readonly<Record<string, string>> = { tcp: "t", udp: "u" };
