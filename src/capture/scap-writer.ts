import { closeSync, openSync, writeSync } from "node:fs";
import { EXEC_FLAGS } from "../events/flag-names.ts";
import type { Event } from "../events/event.ts";
import { isLargePayload } from "../events/schema.ts";
import type { SocketEnd } from "../events/socket-address.ts";
import { AppError, type ErrorCode, messageOf } from "../lib/errors.ts";
import { ByteWriter } from "../lib/byte-writer.ts";
import { encodeText } from "../lib/text.ts";
import {
  DESCRIPTOR_ENTRY_TYPES as TYPES,
  type DescriptorEntry,
  type HostEntries,
  type ThreadEntry,
} from "../state/host-entries.ts";
import { openToWrite } from "../untrusted/open-to-write.ts";
import {
  ACCOUNT_TYPES,
  BLOCK,
  INTERFACE_TYPES,
  MACHINE,
  SECTION,
  STATE_ONLY,
} from "./scap-format.ts";

/** The newest version of each block, which is what is written. */
const BLOCKS = {
  processes: 0x215,
  descriptors: 0x218,
  interfaces: 0x219,
  users: 0x220,
  event: 0x216,
  eventWithFlags: 0x217,
  largeEvent: 0x221,
  largeEventWithFlags: 0x222,
} as const;

/** Bytes that are gathered before they are written. */
const BUFFER = 1024 * 1024;

/** scap's own limits of texts: longer ones are cut, as there. */
const LIMITS = { path: 1024, args: 4096, env: 4096, cgroups: 4096, name: 256 } as const;

/**
 * A scap file that is being written: blocks as today's engine writes them, so that it, sysdig and
 * Stratoshark read it. Throws `USAGE_FILE` when the file cannot be made, and `INPUT_CAPTURE_WRITE`
 * when it cannot be written, as on a full disk.
 */
export class CaptureFile {
  readonly path: string;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #view = new DataView(this.#buffer.buffer);
  #used = 0;
  #flushed = 0;
  #events = 0;
  #isClosed = false;
  /** A write has failed: that was said, and what comes after it would make no capture. */
  #isBroken = false;

  /** `isNew`: a file that is there already is not overwritten, and no link is followed. */
  constructor(path: string, { isNew = false }: { readonly isNew?: boolean } = {}) {
    this.path = path;
    this.#fd = guarded(
      path,
      () => (isNew ? openSync(path, "wx", 0o640) : openToWrite(path)),
      "USAGE_FILE",
    );
  }

  /** Bytes of the file so far. */
  get bytes(): number {
    return this.#flushed + this.#used;
  }

  get events(): number {
    return this.#events;
  }

  /** Begins a section: all that the events after it need to be understood. */
  section(entries: HostEntries): void {
    const magic = new Writer()
      .u32LE(SECTION.magic)
      .u16LE(SECTION.major)
      .u16LE(SECTION.minor)
      .u64LE(0xffff_ffff_ffff_ffffn);
    this.#block(SECTION.type, magic.finish());
    if (entries.machine !== undefined) this.#block(MACHINE.type, machineOf(entries));
    // Small blocks: a reader holds one at a time.
    for (let at = 0; at < entries.threads.length; at += THREADS_IN_BLOCK) {
      const list = new Writer();
      for (const thread of entries.threads.slice(at, at + THREADS_IN_BLOCK))
        list.entry(true, (entry) => writeThread(entry, thread));
      this.#block(BLOCKS.processes, list.finish());
    }
    for (const [tid, descriptors] of entries.descriptors) {
      const list = new Writer().u64LE(BigInt(tid));
      for (const descriptor of descriptors)
        list.entry(true, (entry) => writeDescriptor(entry, descriptor));
      this.#block(BLOCKS.descriptors, list.finish());
    }
    this.#block(BLOCKS.interfaces, interfacesOf(entries));
    this.#block(BLOCKS.users, accountsOf(entries));
  }

  /**
   * One event; `isState`: it is there for the state that it makes, not to be shown. Hot: a copy.
   */
  event(event: Event, isState = false): void {
    const scap = event.scapBytes;
    const isLarge = isLargePayload(event.code) || scap.length > MOST_OF_SMALL;
    const head = BLOCK.body + (isState ? 6 : 2);
    const length = padded(head + scap.length) + BLOCK.trailer;
    if (this.#used + length > BUFFER) this.#flush();
    if (length > BUFFER) {
      this.#huge(event, { isState, length });
      return;
    }
    const [at, view] = [this.#used, this.#view];
    const type = isState
      ? isLarge
        ? BLOCKS.largeEventWithFlags
        : BLOCKS.eventWithFlags
      : isLarge
        ? BLOCKS.largeEvent
        : BLOCKS.event;
    view.setUint32(at, type, true);
    view.setUint32(at + BLOCK.length, length, true);
    view.setUint16(at + BLOCK.body, Math.max(0, event.cpu), true);
    if (isState) view.setUint32(at + BLOCK.body + 2, STATE_ONLY, true);
    this.#buffer.set(scap, at + head);
    this.#buffer.fill(0, at + head + scap.length, at + length - BLOCK.trailer);
    view.setUint32(at + length - BLOCK.trailer, length, true);
    this.#used += length;
    this.#events += 1;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#flush();
    } finally {
      closeSync(this.#fd);
    }
  }

  /** What was gathered reaches the file. */
  flush(): void {
    this.#flush();
  }

  #huge(
    event: Event,
    { isState, length }: { readonly isState: boolean; readonly length: number },
  ): void {
    const body = new Writer().u16LE(Math.max(0, event.cpu));
    if (isState) body.u32LE(STATE_ONLY);
    this.#block(
      isState ? BLOCKS.largeEventWithFlags : BLOCKS.largeEvent,
      body.bytes(event.scapBytes).finish(),
      length,
    );
    this.#events += 1;
  }

  #block(
    type: number,
    body: Uint8Array,
    length = padded(BLOCK.body + body.length) + BLOCK.trailer,
  ): void {
    const head = new Writer().u32LE(type).u32LE(length);
    const tail = new Uint8Array(length - BLOCK.body - body.length);
    new DataView(tail.buffer).setUint32(tail.length - BLOCK.trailer, length, true);
    for (const part of [head.finish(), body, tail]) this.#put(part);
  }

  #put(bytes: Uint8Array): void {
    if (this.#used + bytes.length > BUFFER) this.#flush();
    if (bytes.length > BUFFER) {
      this.#write(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    if (!this.#isBroken) this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    this.#isBroken = true;
    for (let at = 0; at < bytes.length;)
      at += guarded(this.path, () => writeSync(this.#fd, bytes, at));
    this.#isBroken = false;
    this.#flushed += bytes.length;
  }
}

/** What still fits a small block's 64 KiB, its head and trailer counted. */
const MOST_OF_SMALL = 65_000;

const THREADS_IN_BLOCK = 64;

function guarded<T>(path: string, act: () => T, code: ErrorCode = "INPUT_CAPTURE_WRITE"): T {
  try {
    return act();
  } catch (thrown) {
    throw new AppError(code, `Cannot write capture "${path}": ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Bytes that grow, in the forms that scap has. */
class Writer extends ByteWriter {
  /** A number below 2^53, signed. */
  int(value: number): this {
    return this.u64LE(BigInt.asUintN(64, BigInt(Math.trunc(value))));
  }

  /** `{ u16 length, text }`, cut to `most` bytes. */
  text(text: string, most: number): this {
    const bytes = encodeText(text).subarray(0, most);
    return this.u16LE(bytes.length).bytes(bytes);
  }

  /** `{ u16 length, texts, each with its NUL }`; texts that do not fit are left out. */
  texts(texts: readonly string[], most: number): this {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const text of texts) {
      const bytes = encodeText(text);
      if (length + bytes.length + 1 > most) break;
      parts.push(bytes);
      length += bytes.length + 1;
    }
    this.u16LE(length);
    for (const part of parts) this.bytes(part).u8(0);
    return this;
  }

  /** One entry that begins with its length, `own` of it included or not. */
  entry(lengthCountsItself: boolean, write: (entry: Writer) => void): this {
    const entry = new Writer();
    write(entry);
    return this.u32LE(entry.length + (lengthCountsItself ? 4 : 0)).bytes(entry.finish());
  }
}

function machineOf({ machine }: HostEntries): Uint8Array {
  const hostname = new Uint8Array(MACHINE.hostnameLength);
  hostname.set(encodeText(machine?.hostname ?? "").subarray(0, MACHINE.hostnameLength - 1));
  const body = new Writer()
    .u32LE(machine?.cpus ?? 0)
    .u64LE(machine?.memoryBytes ?? 0n)
    .u64LE(machine?.maxPid ?? 0n)
    .bytes(hostname)
    .u64LE(machine?.bootTime ?? 0n);
  return body.u64LE(0n).u64LE(0n).u64LE(0n).finish();
}

/** An entry of the process list, version 9. */
function writeThread(entry: Writer, thread: ThreadEntry): void {
  const flag = (bit: number): number => ((thread.exeFlags & bit) === 0 ? 0 : 1);
  entry.int(thread.tid).int(thread.pid).int(thread.ptid).int(thread.sid).int(thread.vpgid);
  entry
    .text(thread.comm, LIMITS.path)
    .text(thread.exe, LIMITS.path)
    .text(thread.exepath, LIMITS.path)
    .texts(thread.args, LIMITS.args)
    .text(thread.cwd, LIMITS.path);
  entry.int(thread.fdlimit).u32LE(thread.flags).u32LE(thread.uid).u32LE(thread.gid);
  entry
    .u32LE(thread.vmSize)
    .u32LE(thread.vmRss)
    .u32LE(thread.vmSwap)
    .int(thread.pfMajor)
    .int(thread.pfMinor);
  entry
    .texts(thread.env, LIMITS.env)
    .int(thread.vtid)
    .int(thread.vpid)
    .texts(thread.cgroups, LIMITS.cgroups)
    .text(thread.root, LIMITS.path);
  entry
    .u64LE(thread.pidNamespaceStart)
    .u32LE(thread.tty)
    .u32LE(thread.loginuid)
    .u8(flag(EXEC_FLAGS.EXE_WRITABLE));
  entry
    .u64LE(thread.capInheritable)
    .u64LE(thread.capPermitted)
    .u64LE(thread.capEffective)
    .u8(flag(EXEC_FLAGS.EXE_UPPER_LAYER));
  entry
    .int(thread.exeInode)
    .u64LE(thread.exeCtime)
    .u64LE(thread.exeMtime)
    .u8(flag(EXEC_FLAGS.EXE_FROM_MEMFD))
    .u8(flag(EXEC_FLAGS.EXE_LOWER_LAYER))
    .int(thread.pgid);
}

function writeDescriptor(entry: Writer, descriptor: DescriptorEntry): void {
  const { source, destination, name } = descriptor;
  entry.int(descriptor.number).int(descriptor.inode).u8(descriptor.type);
  switch (descriptor.type) {
    case TYPES.IPV4_SOCK:
      entry
        .bytes(address(source, 4))
        .bytes(address(destination, 4))
        .u16LE(source?.port ?? 0)
        .u16LE(destination?.port ?? 0)
        .u8(descriptor.protocol);
      break;
    case TYPES.IPV6_SOCK:
      entry
        .bytes(address(source, 16))
        .bytes(address(destination, 16))
        .u16LE(source?.port ?? 0)
        .u16LE(destination?.port ?? 0)
        .u8(descriptor.protocol);
      break;
    case TYPES.IPV4_SERVSOCK:
      entry
        .bytes(address(source, 4))
        .u16LE(source?.port ?? 0)
        .u8(descriptor.protocol);
      break;
    case TYPES.IPV6_SERVSOCK:
      entry
        .bytes(address(source, 16))
        .u16LE(source?.port ?? 0)
        .u8(descriptor.protocol);
      break;
    case TYPES.UNIX_SOCK:
      entry
        .u64LE(0n)
        .u64LE(0n)
        .text(name, LIMITS.path - 1);
      break;
    case TYPES.FILE_V2:
      entry
        .u32LE(descriptor.openFlags)
        .text(name, LIMITS.path - 1)
        .u32LE(descriptor.device);
      break;
    case TYPES.UNKNOWN:
      break;
    default:
      entry.text(name, LIMITS.path - 1);
  }
}

function address(end: SocketEnd | undefined, size: number): Uint8Array {
  return end?.address.length === size ? end.address : new Uint8Array(size);
}

function interfacesOf({ interfaces }: HostEntries): Uint8Array {
  const list = new Writer();
  for (const { name, address: own, netmask } of interfaces) {
    const bytes = encodeText(name).subarray(0, LIMITS.name);
    list.entry(false, (entry) => {
      entry
        .u16LE(own.length === 4 ? INTERFACE_TYPES.IPV4 : INTERFACE_TYPES.IPV6)
        .u16LE(bytes.length)
        .bytes(own)
        .bytes(netmask);
      // The broadcast address and the speed of the link, which nobody asks for.
      entry.bytes(new Uint8Array(own.length)).u64LE(0n).bytes(bytes);
    });
  }
  return list.finish();
}

function accountsOf({ users, groups }: HostEntries): Uint8Array {
  const list = new Writer();
  for (const user of users) {
    list.entry(true, (entry) =>
      entry
        .u8(ACCOUNT_TYPES.USER)
        .u32LE(user.uid)
        .u32LE(user.gid)
        .text(user.name, LIMITS.name)
        .text(user.home, LIMITS.name)
        .text(user.shell, LIMITS.name),
    );
  }
  for (const group of groups)
    list.entry(true, (entry) =>
      entry.u8(ACCOUNT_TYPES.GROUP).u32LE(group.gid).text(group.name, LIMITS.name),
    );
  return list.finish();
}
