import { encodeParams, encodeRecord, paramBytes } from "../events/encode.ts";
import { NOTICE, RECORD_FLAGS, TCP_STATE } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { scanListeners, type FoundListener } from "../ports/inventory-scan.ts";
import type { PortOpening, PortProcess } from "../ports/port-inventory.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import type { Process } from "../state/process.ts";
import type { ProcessTable } from "../state/process-table.ts";

/** A socket that was found listening, as records and as an opening. */
export interface ListeningRecord {
  /** A `bind` and a `listen`, in this order. */
  readonly bytes: readonly Uint8Array<ArrayBuffer>[];
  readonly opening: PortOpening;
  /** inode of the cgroup that its container is known by */
  readonly cgroup: number;
}

/** All that listens, and what could not be looked into. */
export interface ListeningRecords {
  readonly records: readonly ListeningRecord[];
  readonly problems: readonly string[];
}

const IPPROTO_TCP = 6;

/**
 * A `bind` and a `listen` record for each socket that listens now, as if its process had called
 * bind(2) and listen(2) this moment.
 */
export async function listeningRecords(processes: ProcessTable): Promise<ListeningRecords> {
  const { listeners, problems } = await scanListeners();
  const records = listeners.map((listener) => recordsOf(listener, processes, true));
  return { records, problems };
}

/** The same for one socket that was found; `isFoundAtStart`: it listened before the watch began. */
export function recordsOf(
  listener: FoundListener,
  processes: ProcessTable,
  isFoundAtStart: boolean,
): ListeningRecord {
  // Where the owner cannot be seen, any process of the namespace tells the container; the record
  // then names no process.
  const cgroup =
    processes.get(listener.owner.pid === 0 ? listener.pid : listener.owner.pid)?.cgroup ?? 0;
  const process = processes.get(listener.owner.pid);
  const facts = { process, cgroup, isFoundAtStart };
  return {
    bytes: [bindRecord(listener, facts), listenRecord(listener, facts)],
    opening: openingOf(listener, process),
    cgroup,
  };
}

/** Who listens, as far as it is known. */
export interface ListenerFacts {
  readonly process: Process | undefined;
  readonly cgroup: number;
  readonly isFoundAtStart: boolean;
}

/** A `bind` record of a socket that was found listening. */
export function bindRecord(listener: FoundListener, facts: ListenerFacts): Uint8Array<ArrayBuffer> {
  const type = eventType("bind");
  const address = Uint8Array.of(
    familyOf(listener),
    ...addressOf(listener),
    ...paramBytes.number(listener.port, 2),
  );
  const params = encodeParams(type, { res: 0, addr: address, fd: -1 });
  return socketRecord(listener, facts, { code: type.code, params });
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
  const address = addressOf(listener);
  const descriptor = {
    kind: String(listener.family),
    state: TCP_STATE.LISTEN,
    protocol: IPPROTO_TCP,
    family: familyOf(listener),
    inode: listener.inode,
    local: { address, port: listener.port },
    remote: { address: new Uint8Array(address.length), port: 0 },
  };
  const timestamp = BigInt(Date.now()) * 1_000_000n;
  return encodeRecord(context, { timestamp, tid: owner.pid, code, params }, { descriptor });
}

function familyOf({ family }: FoundListener): number {
  return family === 4 ? AF_INET : AF_INET6;
}

function addressOf({ address, family }: FoundListener): Uint8Array {
  return addressBytes(address) ?? new Uint8Array(family === 4 ? 4 : 16);
}

const AF_INET = 2;
const AF_INET6 = 10;

function openingOf(listener: FoundListener, known: Process | undefined): PortOpening {
  const { namespace, address, port, owner } = listener;
  return {
    namespace,
    address,
    port,
    process: portProcess(known) ?? portProcess({ ...owner, exepath: owner.exe, args: [] }),
    socket: `inode:${listener.inode}`,
    inode: listener.inode,
    at: Date.now(),
  };
}

/** Who opened a port; undefined where its program is not known, whatever else is. */
export function portProcess(
  process: Pick<Process, "pid" | "comm" | "exepath" | "args"> | undefined,
): PortProcess | undefined {
  if (process === undefined || process.exepath === "") return undefined;
  const { pid, comm, exepath, args } = process;
  return { pid, comm, exepath, args };
}
