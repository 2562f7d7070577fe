import { AppError } from "../lib/errors.ts";
import { CONTEXT, DESCRIPTOR, SCAP_HEADER } from "./record.ts";
import { type EventType, isLargePayload, type ParamType } from "./schema.ts";

/** What stands in a live record's context; what is left out is 0 or empty. */
export interface ContextValues {
  readonly cgroup?: number;
  readonly startTime?: number;
  readonly pid: number;
  readonly tid: number;
  readonly ppid: number;
  readonly vpid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly loginuid?: number;
  readonly pidNamespace?: number;
  readonly mountNamespace?: number;
  readonly networkNamespace?: number;
  readonly flags?: number;
  readonly comm: string;
}

/** What stands in a descriptor section. Addresses are 4 or 16 bytes. */
export interface DescriptorValues {
  /** Falco's fd.typechar */
  readonly kind: string;
  readonly state?: number;
  readonly protocol?: number;
  readonly family?: number;
  readonly device?: number;
  readonly inode?: number;
  readonly path?: string;
  readonly local?: { readonly address: Uint8Array; readonly port: number };
  readonly remote?: { readonly address: Uint8Array; readonly port: number };
}

/** A scap event before it is encoded; `timestamp` in epoch nanoseconds. */
export interface EventValues {
  /** Nanoseconds since the Unix epoch. */
  readonly timestamp: bigint;
  readonly tid: number;
  readonly code: number;
  /** Each parameter's bytes, in the order of the schema; see `paramBytes`. */
  readonly params: readonly Uint8Array[];
}

const utf8 = new TextEncoder();

/**
 * A scap event's bytes: header, lengths, parameters. Throws `INPUT_EVENT` when a parameter is over
 * 65535 bytes in an event without large payloads.
 */
export function encodeEvent(event: EventValues): Uint8Array<ArrayBuffer> {
  const dataLength = event.params.reduce((sum, param) => sum + param.length, 0);
  const width = isLargePayload(event.code) ? 4 : 2;
  const head = SCAP_HEADER.end + width * event.params.length;
  const bytes = new Uint8Array(head + dataLength);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(SCAP_HEADER.timestamp, event.timestamp, true);
  view.setBigUint64(SCAP_HEADER.tid, BigInt(event.tid), true);
  view.setUint32(SCAP_HEADER.length, bytes.length, true);
  view.setUint16(SCAP_HEADER.type, event.code, true);
  view.setUint32(SCAP_HEADER.count, event.params.length, true);
  let at = head;
  for (const [index, param] of event.params.entries()) {
    const lengthAt = SCAP_HEADER.end + width * index;
    if (width === 2 && param.length > 0xffff)
      throw new AppError(
        "INPUT_EVENT",
        `Cannot encode parameter ${index}: ${param.length} bytes are over 65535`,
      );
    if (width === 2) view.setUint16(lengthAt, param.length, true);
    else view.setUint32(lengthAt, param.length, true);
    bytes.set(param, at);
    at += param.length;
  }
  return bytes;
}

interface Sections {
  readonly descriptor?: DescriptorValues;
  readonly directory?: string;
  /** Of an open: where it led, if not to the path that was passed; of others where the first path did. */
  readonly resolved?: string;
  /** Where the second path of a call led. */
  readonly resolvedSecond?: string;
}

/** A live record: context, scap event, sections. */
export function encodeRecord(
  context: ContextValues,
  event: EventValues,
  sections: Sections = {},
): Uint8Array<ArrayBuffer> {
  const scap = encodeEvent(event);
  const directory =
    sections.directory === undefined ? new Uint8Array(0) : prefixed(sections.directory);
  const resolved = resolvedBytes(sections);
  const descriptor =
    sections.descriptor === undefined ? new Uint8Array(0) : encodeDescriptor(sections.descriptor);
  const size = scap.length + directory.length + resolved.length + descriptor.length;
  const bytes = new Uint8Array(CONTEXT.end + size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(CONTEXT.cgroup, BigInt(context.cgroup ?? 0), true);
  view.setBigUint64(CONTEXT.startTime, BigInt(context.startTime ?? 0), true);
  for (const field of [
    "pid",
    "tid",
    "ppid",
    "vpid",
    "uid",
    "gid",
    "pidNamespace",
    "mountNamespace",
    "networkNamespace",
    "flags",
  ] as const) {
    view.setUint32(CONTEXT[field], context[field] ?? 0, true);
  }
  view.setUint32(CONTEXT.loginuid, context.loginuid ?? 0xffff_ffff, true);
  bytes.set(utf8.encode(context.comm).subarray(0, 15), CONTEXT.comm);
  bytes.set(scap, CONTEXT.end);
  const directoryAt = CONTEXT.end + scap.length;
  if (directory.length > 0) view.setUint32(CONTEXT.directory, directoryAt, true);
  bytes.set(directory, directoryAt);
  const resolvedAt = directoryAt + directory.length;
  if (resolved.length > 0) view.setUint32(CONTEXT.resolved, resolvedAt, true);
  bytes.set(resolved, resolvedAt);
  const descriptorAt = resolvedAt + resolved.length;
  if (descriptor.length > 0) view.setUint32(CONTEXT.descriptor, descriptorAt, true);
  bytes.set(descriptor, descriptorAt);
  return bytes;
}

/**
 * The bytes of one parameter: a text gets its NUL, a list of texts one NUL each, a number the given
 * width in bytes.
 */
export const paramBytes = {
  text: (value: string): Uint8Array => utf8.encode(`${value}\0`),
  texts: (values: readonly string[]): Uint8Array =>
    utf8.encode(values.map((value) => `${value}\0`).join("")),
  number(value: number | bigint, width: 1 | 2 | 4 | 8): Uint8Array {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, BigInt(value)), true);
    return bytes.subarray(0, width);
  },
  none: new Uint8Array(0),
} as const;

function encodeDescriptor(values: DescriptorValues): Uint8Array {
  const ends =
    values.local !== undefined && values.remote !== undefined
      ? [values.local, values.remote]
      : undefined;
  const tail =
    ends === undefined
      ? prefixed(values.path ?? "")
      : concat(ends.flatMap((end) => [end.address, paramBytes.number(end.port, 2)]));
  const bytes = new Uint8Array(DESCRIPTOR.end + tail.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(DESCRIPTOR.kind, values.kind.charCodeAt(0));
  view.setUint8(DESCRIPTOR.state, values.state ?? 0);
  view.setUint8(DESCRIPTOR.protocol, values.protocol ?? 0);
  view.setUint8(DESCRIPTOR.family, values.family ?? 0);
  view.setUint32(DESCRIPTOR.device, values.device ?? 0, true);
  view.setBigUint64(DESCRIPTOR.inode, BigInt(values.inode ?? 0), true);
  bytes.set(tail, DESCRIPTOR.end);
  return bytes;
}

function resolvedBytes({ resolved, resolvedSecond }: Sections): Uint8Array {
  if (resolved === undefined && resolvedSecond === undefined) return new Uint8Array(0);
  const first = prefixed(resolved ?? "");
  return resolvedSecond === undefined
    ? first
    : Uint8Array.from([...first, ...prefixed(resolvedSecond)]);
}

function prefixed(text: string): Uint8Array {
  const bytes = utf8.encode(text);
  return concat([paramBytes.number(bytes.length, 2), bytes]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Parameter values by name; what is left out is empty, as a probe leaves what it does not know. */
export type ParamValues = Readonly<
  Record<string, string | number | bigint | readonly string[] | Uint8Array>
>;

/**
 * The bytes of an event's parameters in their order. Throws `BUG_EVENT_PARAMETER` for a name that
 * the event does not have.
 */
export function encodeParams(type: EventType, values: ParamValues): Uint8Array[] {
  const unknown = Object.keys(values).filter(
    (key) => !type.params.some((param) => param.name === key),
  );
  if (unknown.length > 0)
    throw new AppError(
      "BUG_EVENT_PARAMETER",
      `Cannot encode ${type.name}: it has no parameter ${unknown.join(", ")}`,
    );
  return type.params.map((param) => valueBytes(values[param.name], param.type));
}

function valueBytes(value: ParamValues[string] | undefined, type: ParamType): Uint8Array {
  if (value === undefined) return paramBytes.none;
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return paramBytes.text(value);
  if (typeof value === "number" || typeof value === "bigint")
    return paramBytes.number(value, widthOf(type));
  return paramBytes.texts(value);
}

function widthOf(type: ParamType): 1 | 2 | 4 | 8 {
  if (type.endsWith("8") || type === "SIGTYPE") return 1;
  if (type.endsWith("16") || type === "PORT") return 2;
  return type.endsWith("32") || ["UID", "GID", "MODE"].includes(type) ? 4 : 8;
}
