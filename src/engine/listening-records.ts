import { encodeRecord, paramBytes } from "../events/encode.ts";
import { NOTICE, RECORD_FLAGS, TCP_STATE } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { scanListeners, type FoundListener } from "../ports/inventory-scan.ts";
import type { PortOpening } from "../ports/port-inventory.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import type { Process } from "../state/process.ts";
import type { ProcessTable } from "../state/process-table.ts";

export interface ListeningRecord {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly opening: PortOpening;
  /** inode of the cgroup that its container is known by */
  readonly cgroup: number;
}

export interface ListeningRecords {
  readonly records: readonly ListeningRecord[];
  readonly problems: readonly string[];
}

const IPPROTO_TCP = 6;

/**
 * One `listen` record for each socket that listens now, as if its process had called listen(2) this
 * moment.
 */
export async function listeningRecords(processes: ProcessTable): Promise<ListeningRecords> {
  const { listeners, problems } = await scanListeners();
  const records = listeners.map((listener) => {
    // Where the owner cannot be seen, any process of the namespace tells the container; the record
    // then names no process.
    const cgroup =
      processes.get(listener.owner.pid === 0 ? listener.pid : listener.owner.pid)?.cgroup ?? 0;
    return {
      bytes: listenRecord(listener, {
        process: processes.get(listener.owner.pid),
        cgroup,
        isFoundAtStart: true,
      }),
      opening: openingOf(listener),
      cgroup,
    };
  });
  return { records, problems };
}

/** Who listens, as far as it is known. */
export interface ListenerFacts {
  readonly process: Process | undefined;
  readonly cgroup: number;
  readonly isFoundAtStart: boolean;
}

/** A `listen` record of a socket that was found. */
export function listenRecord(
  listener: FoundListener,
  facts: ListenerFacts,
): Uint8Array<ArrayBuffer> {
  const params = [paramBytes.number(0, 8), paramBytes.number(-1, 8), paramBytes.number(0, 4)];
  return socketRecord(listener, facts, { code: eventType("listen").code, params });
}

/** The notice that a socket has come to listen, or does no more. */
export function listenNotice(
  listener: FoundListener,
  facts: ListenerFacts,
  isOpen: boolean,
): Uint8Array<ArrayBuffer> {
  const [before, after] = isOpen
    ? [TCP_STATE.CLOSE, TCP_STATE.LISTEN]
    : [TCP_STATE.LISTEN, TCP_STATE.CLOSE];
  const params = [
    paramBytes.number(listener.inode, 8),
    paramBytes.number(before, 1),
    paramBytes.number(after, 1),
  ];
  return socketRecord(listener, facts, { code: NOTICE.inet_sock_set_state, params });
}

function socketRecord(
  listener: FoundListener,
  { process, cgroup, isFoundAtStart }: ListenerFacts,
  { code, params }: { code: number; params: readonly Uint8Array[] },
): Uint8Array<ArrayBuffer> {
  const { owner } = listener;
  const context = {
    ...(process ?? { ppid: 0, uid: listener.uid, comm: owner.comm }),
    pid: owner.pid,
    tid: owner.pid,
    cgroup,
    startTime: process?.startBoot ?? 0,
    networkNamespace: listener.namespace,
    flags: isFoundAtStart ? RECORD_FLAGS.FOUND_AT_START : 0,
  };
  const address = addressBytes(listener.address) ?? new Uint8Array(listener.family === 4 ? 4 : 16);
  const descriptor = {
    kind: String(listener.family),
    state: TCP_STATE.LISTEN,
    protocol: IPPROTO_TCP,
    family: listener.family === 4 ? 2 : 10,
    inode: listener.inode,
    local: { address, port: listener.port },
    remote: { address: new Uint8Array(address.length), port: 0 },
  };
  const timestamp = BigInt(Date.now()) * 1_000_000n;
  return encodeRecord(context, { timestamp, tid: owner.pid, code, params }, { descriptor });
}

function openingOf(listener: FoundListener): PortOpening {
  const { namespace, address, port, owner } = listener;
  return {
    namespace,
    address,
    port,
    process: { pid: owner.pid, comm: owner.comm, exepath: owner.exe },
    socket: `inode:${listener.inode}`,
    at: Date.now(),
  };
}
