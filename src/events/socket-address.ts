import { isUnspecified, unmapped } from "../lib/ip-text.ts";
import type { Event } from "./event.ts";

/** One end of an IP socket. The address is a view of the event's memory: 4 or 16 bytes. */
export interface SocketEnd {
  readonly address: Uint8Array;
  readonly port: number;
}

/** A socket address or a pair of them, as an event carries it. `path` is a unix socket's. */
export interface SocketAddress {
  readonly family: number;
  readonly source?: SocketEnd;
  readonly destination?: SocketEnd;
  readonly path?: string;
  /**
   * Kernel addresses of a unix connection's ends, `source->destination` in hexadecimal digits;
   * undefined where none are told.
   */
  readonly pointers?: string;
}

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/** A SOCKTUPLE parameter; undefined when it is empty or too short. */
export function readTuple(event: Event, index: number): SocketAddress | undefined {
  const length = event.length(index);
  if (length < 1) return undefined;
  const at = event.offset(index);
  const family = event.bytes[at] ?? 0;
  if (family === AF_UNIX)
    return {
      family,
      path: length > 17 ? event.unixPath(at + 17, at + length) : "",
      ...pointersOf(event, at + 1, length),
    };
  const size = addressSize(family);
  if (size === 0 || length < 1 + 2 * (size + 2)) return undefined;
  return {
    family,
    source: readEnd(event, at + 1, size),
    destination: readEnd(event, at + 3 + size, size),
  };
}

function pointersOf({ view }: Event, at: number, length: number): Pick<SocketAddress, "pointers"> {
  if (length < 17) return {};
  const [source, destination] = [view.getBigUint64(at, true), view.getBigUint64(at + 8, true)];
  return source === 0n && destination === 0n
    ? {}
    : { pointers: `${source.toString(16)}->${destination.toString(16)}` };
}

/** A SOCKADDR parameter, its address as `destination`; undefined when it is empty or too short. */
export function readSockaddr(event: Event, index: number): SocketAddress | undefined {
  const length = event.length(index);
  if (length < 1) return undefined;
  const at = event.offset(index);
  const family = event.bytes[at] ?? 0;
  if (family === AF_UNIX) return { family, path: event.unixPath(at + 1, at + length) };
  const size = addressSize(family);
  if (size === 0 || length < 3 + size) return undefined;
  return { family, destination: readEnd(event, at + 1, size) };
}

/**
 * One end at `at`: an address of `size` bytes and a little-endian port. An IPv4 address mapped into
 * IPv6 comes out as IPv4.
 */
export function readEnd(event: Event, at: number, size: number): SocketEnd {
  return {
    address: unmapped(event.bytes.subarray(at, at + size)),
    port: event.view.getUint16(at + size, true),
  };
}

/** True when an end is unset: no address and no port. */
export function isUnset(end: SocketEnd): boolean {
  return end.port === 0 && isUnspecified(end.address);
}

/** Bytes of an address of that family, 0 when it has none. */
export function addressSize(family: number): number {
  if (family === AF_INET) return 4;
  return family === AF_INET6 ? 16 : 0;
}
