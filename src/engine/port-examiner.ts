import { audit } from "../audit/audit.ts";
import { AuditQueue } from "../audit/audit-queue.ts";
import type { AuditReport } from "../audit/report.ts";
import { messageOf } from "../lib/errors.ts";
import { addressesOf, connectToListener } from "../ports/connect-listener.ts";
import { openDatagram } from "../ports/datagram.ts";
import type { NetworkNamespace } from "../ports/network-namespace.ts";
import type { ReportFolder } from "./report-folder.ts";

/** A port to be examined. */
export interface Examination {
  /** The container's name, or `host`: what the report's files are named after. */
  readonly name: string;
  readonly container: string | undefined;
  /** Where it listens; an unspecified address is examined on loopback. */
  readonly address: string;
  readonly port: number;
  /** From where it can be reached, in words; asked when the examination is over. */
  readonly reachable: () => Promise<string>;
  /** Opens the namespace the port lives in, at once; throws when its processes are gone. */
  readonly namespace: () => NetworkNamespace;
}

export interface PortExaminerOptions {
  readonly folder: ReportFolder;
  readonly onReport: (report: AuditReport, stem: string) => void;
  readonly onProblem: (text: string) => void;
}

/** The most ports that wait for their examination. */
const MAX_WAITING = 4096;
const PARALLEL = 8;

/** Examines ports as they open, some at a time, and writes a report of each. */
export class PortExaminer {
  readonly #options: PortExaminerOptions;
  readonly #queue = new AuditQueue({ capacity: MAX_WAITING, parallel: PARALLEL });
  readonly #abort = new AbortController();

  constructor(options: PortExaminerOptions) {
    this.#options = options;
  }

  /** Ports that were not examined because too many waited. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /**
   * Queues one port. Its namespace is opened now, so that a container that ends meanwhile leaves it
   * reachable to the last.
   */
  examine(examination: Examination): void {
    const { name, port } = examination;
    let namespace: NetworkNamespace;
    try {
      namespace = examination.namespace();
    } catch (thrown) {
      this.#options.onProblem(`Cannot examine ${name}:${port}: ${messageOf(thrown)}`);
      return;
    }
    const taken = this.#queue.push(() =>
      this.#examine(examination, namespace).finally(() => namespace.close()),
    );
    if (taken) return;
    namespace.close();
    this.#options.onProblem(
      `Cannot examine ${name}:${port}: ${MAX_WAITING} ports are waiting already`,
    );
  }

  /** Resolves when nothing waits or runs any more. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  close(): void {
    this.#abort.abort();
    this.#queue.close();
  }

  async #examine(
    { name, container, address, port, reachable }: Examination,
    namespace: NetworkNamespace,
  ): Promise<void> {
    const [host] = addressesOf(address);
    try {
      const found = await audit(
        {
          label: `${name}:${port}`,
          host,
          port,
          ...(container === undefined ? {} : { container }),
          connect: (signal) => connectToListener(namespace, address, port, { signal }),
          datagram: () => openDatagram(namespace, host, port),
        },
        { signal: this.#abort.signal },
      );
      if (this.#abort.signal.aborted) return;
      const report = { ...found, reachable: await reachable() };
      this.#options.onReport(report, this.#options.folder.writeAudit(name, report));
    } catch (thrown) {
      this.#options.onProblem(`Cannot examine ${name}:${port}: ${messageOf(thrown)}`);
    }
  }
}
