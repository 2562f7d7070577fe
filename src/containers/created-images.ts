import { once } from "node:events";
import { existsSync } from "node:fs";
import { sharedInterval } from "../lib/shared-interval.ts";
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
    let isFollowed = false;
    const look = async (): Promise<void> => {
      if (isFollowed || !existsSync(this.#socket)) return;
      isFollowed = true;
      await followGrpc(call, signal);
      // Meanwhile another may be made with a name that was used before.
      this.#images.clear();
      isFollowed = false;
    };
    if (signal.aborted) return;
    void look();
    const looks = sharedInterval(() => void look(), LOOK_MS);
    await once(signal, "abort");
    looks.close();
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
/** How soon a daemon that comes, or comes again, is heard. */
const LOOK_MS = 1000;
const IMAGES_MAX = 4096;
const IMAGE_CHARACTERS = 4096;
