import { randomUUID } from "node:crypto";
import { type Alert, OPEN_PORT_TAG } from "../alerts/alert.ts";
import { parseAlert } from "../alerts/parse.ts";
import { LineSource } from "../capture/line-source.ts";
import type { ContainerRegistry } from "../containers/container-registry.ts";
import type { Container } from "../containers/container.ts";
import { messageOf } from "../lib/errors.ts";
import { listListeners } from "../ports/listeners.ts";
import {
  hostNamespaceInode,
  type NetworkNamespace,
  openHostNamespace,
  openNamespace,
} from "../ports/network-namespace.ts";
import type { PortExaminer } from "./port-examiner.ts";
import { PortNews } from "./port-news.ts";
import { reachability } from "./reachability.ts";

export interface AlertWatchOptions {
  readonly containers: ContainerRegistry;
  readonly onAlert: (alert: Alert) => void;
  readonly onProblem: (text: string) => void;
  readonly examiner: PortExaminer | undefined;
  /**
   * Epoch nanoseconds: alerts from before tell of ports that may be long closed, which is no
   * problem then.
   */
  readonly startedAt: bigint;
}

/**
 * Ready-made alerts as the source: a running Falco's JSON, or an openport.txt. Those of open ports
 * lead to examinations.
 */
export class AlertWatch {
  readonly #options: AlertWatchOptions;
  readonly #lines: LineSource;
  readonly #ports = new PortNews();
  readonly #pending = new Set<Promise<void>>();
  #alerts = 0;
  #bad = 0;
  #past = 0;

  constructor(options: AlertWatchOptions) {
    this.#options = options;
    this.#lines = new LineSource({
      onLine: (line) => this.#line(line),
      onProblem: options.onProblem,
    });
  }

  stats() {
    return {
      alerts: this.#alerts,
      badLines: this.#bad,
      pastPorts: this.#past,
      openPorts: this.#ports.inventory.size,
      knownPorts: this.#ports.suppressed,
    };
  }

  /** Follows a file until `close()`; as `LineSource.follow`. */
  follow(path: string): boolean {
    return this.#lines.follow(path);
  }

  /** Reads a stream to its end, and waits for the examinations it led to. */
  async read(input: NodeJS.ReadableStream): Promise<void> {
    await this.#lines.read(input);
    await Promise.all(this.#pending);
    await this.#options.examiner?.idle();
  }

  close(): void {
    this.#lines.close();
  }

  #line(line: string): void {
    const result = parseAlert(line, randomUUID);
    if ("reason" in result) {
      this.#bad += 1;
      // The first, the second, the fourth …: a broken source must not flood the terminal.
      if ((this.#bad & (this.#bad - 1)) === 0)
        this.#options.onProblem(
          `Cannot read line ${quote(line)} as an alert: ${result.reason} (${this.#bad} so far)`,
        );
      return;
    }
    this.#alerts += 1;
    this.#options.onAlert(result.alert);
    if (!result.alert.tags.includes(OPEN_PORT_TAG) || this.#options.examiner === undefined) return;
    const opening: Promise<void> = this.#opened(result.alert)
      .catch((thrown: unknown) => this.#failed(result.alert, thrown))
      .finally(() => this.#pending.delete(opening));
    this.#pending.add(opening);
  }

  async #opened(alert: Alert): Promise<void> {
    const port = Number(alert.outputFields["fd.sport"]);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error("it has no fd.sport");
    const container = await this.#containerOf(alert);
    const pid = container?.metadata?.pid ?? 0;
    if (container !== undefined && pid === 0) throw new Error("the container does not run");
    const open = (): NetworkNamespace =>
      container === undefined ? openHostNamespace() : openNamespace(pid);
    const namespace = open();
    try {
      const listening = listListeners(namespace);
      this.#ports.reconcile(namespace.inode, listening);
      const socket = listening.find((listener) => listener.port === port);
      if (socket === undefined) throw new Error("nothing listens there any more");
      const place = {
        namespace: namespace.inode,
        port,
        container: container?.fullId,
        address: socket.address,
        socket: `inode:${socket.inode}`,
        at: Date.now(),
      };
      this.#ports.opened(place);
      if (this.#ports.judge("", place) !== "news") return;
      const name = container === undefined ? "host" : (container.metadata?.name ?? container.id);
      const inode = namespace.inode;
      const { address } = socket;
      const reachable = (): Promise<string> =>
        reachability(
          { container, onHostNetwork: inode === hostNamespaceInode() },
          { addresses: [address], port },
        );
      const label = container === undefined ? undefined : name;
      this.#options.examiner?.examine({
        name,
        container: label,
        address,
        port,
        reachable,
        namespace: () => sameNamespace(open, inode),
      });
    } finally {
      namespace.close();
    }
  }

  /**
   * The container by id, else by name; undefined on the host. Throws when an alert names one that
   * no runtime knows.
   */
  async #containerOf(alert: Alert): Promise<Container | undefined> {
    const [id, name] = [text(alert, "container.id"), text(alert, "container.name")];
    if (id === "host" || (id === undefined && (name === undefined || name === "host")))
      return undefined;
    for (const key of [id, name]) {
      const container = key === undefined ? undefined : await this.#options.containers.lookUp(key);
      if (container !== undefined) return container;
    }
    throw new Error(`no container ${name ?? id} is known`);
  }

  #failed(alert: Alert, thrown: unknown): void {
    if (alert.time !== 0n && alert.time < this.#options.startedAt) {
      this.#past += 1;
      return;
    }
    const where = `${text(alert, "container.name") ?? text(alert, "container.id") ?? "host"}:${String(alert.outputFields["fd.sport"] ?? "?")}`;
    this.#options.onProblem(`Cannot examine ${where}: ${messageOf(thrown)}`);
  }
}

function text(alert: Alert, field: string): string | undefined {
  const value = alert.outputFields[field];
  return typeof value === "string" && value !== "" && value !== "<NA>" ? value : undefined;
}

function quote(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
}

function sameNamespace(open: () => NetworkNamespace, inode: number): NetworkNamespace {
  const namespace = open();
  if (namespace.inode === inode) return namespace;
  namespace.close();
  throw new Error("its process has ended");
}
