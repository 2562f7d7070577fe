import { access } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { followGrpc } from "./grpc-stream.ts";
import { type ProtoMessage, readProto, writeProto } from "./protobuf.ts";

/**
 * The images of the containers that containerd makes, as it says by itself (containerd/api
 * services/events/v1 Subscribe, events/ContainerCreate): before their control group exists, so that
 * nobody waits for an answer of a daemon that is busy.
 */
export class CreatedImages {
  readonly #socket: string;
  /** In the order of their making. */
  readonly #images = new Map<string, string>();

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** The image's name; empty for a container that was not heard of. */
  imageOf(namespace: string, id: string): string {
    return this.#images.get(keyOf(namespace, id)) ?? "";
  }

  /** Hears of them until `signal` aborts, through the daemon's restarts. Never rejects. */
  async follow(signal: AbortSignal): Promise<void> {
    const call = {
      socket: this.#socket,
      method: "containerd.services.events.v1.Events/Subscribe",
      request: writeProto([[1, CREATED]]),
      onMessage: (envelope: ProtoMessage): void => this.#heard(envelope),
    };
    while (!signal.aborted) {
      await access(this.#socket).then(
        () => followGrpc(call, signal),
        () => undefined,
      );
      // Meanwhile another may be made with a name that was used before.
      this.#images.clear();
      await sleep(PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #heard(envelope: ProtoMessage): void {
    const created = readProto(envelope.message(4).bytes(2));
    const [id, image] = [created.text(1), created.text(2)];
    if (id === "" || image === "" || image.length > IMAGE_CHARACTERS) return;
    const key = keyOf(envelope.text(2), id);
    this.#images.delete(key);
    this.#images.set(key, image);
    const [oldest] = this.#images.keys();
    if (this.#images.size > IMAGES_MAX && oldest !== undefined) this.#images.delete(oldest);
  }
}

function keyOf(namespace: string, id: string): string {
  return `${namespace}/${id}`;
}

/** Docker's own are left out: Docker says more of its containers. */
const CREATED = 'topic=="/containers/create",namespace!=moby';
const PAUSE_MS = 1000;
const IMAGES_MAX = 4096;
const IMAGE_CHARACTERS = 4096;
