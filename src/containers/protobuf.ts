import { AppError } from "../lib/errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";

/**
 * The fields of one protobuf message (encoding, protobuf.dev), by number; of what nobody asks for
 * nothing is decoded. Reading a field that is missing or of another wire type gives the empty
 * value, as in protobuf itself.
 */
export interface ProtoMessage {
  text(field: number): string;
  number(field: number): number;
  message(field: number): ProtoMessage;
  bytes(field: number): Uint8Array;
  messages(field: number): readonly ProtoMessage[];
  texts(field: number): readonly string[];
  /** A `map<string, string>`. */
  record(field: number): Readonly<Record<string, string>>;
  has(field: number): boolean;
}

/** Throws `PEER_GRPC_ANSWER` for bytes that are no message. */
export function readProto(bytes: Uint8Array): ProtoMessage {
  const fields = new Map<number, (Uint8Array | bigint)[]>();
  const reader = new ByteReader(bytes, "PEER_GRPC_ANSWER");
  while (reader.left > 0) {
    const tag = varint(reader);
    const field = Number(tag >> 3n);
    const values = fields.get(field) ?? [];
    values.push(valueOf(reader, Number(tag & 7n)));
    fields.set(field, values);
  }
  return messageOf(fields);
}

/** A message of texts, messages and numbers from 0, in the order given. */
export function writeProto(
  fields: readonly (readonly [field: number, value: string | Uint8Array | number])[],
): Uint8Array {
  const parts = fields.flatMap(([field, value]) => {
    if (typeof value === "number")
      return [Buffer.from([...varintBytes(field * 8), ...varintBytes(value)])];
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    return [Buffer.from([...varintBytes(field * 8 + 2), ...varintBytes(bytes.length)]), bytes];
  });
  return Buffer.concat(parts);
}

function messageOf(fields: ReadonlyMap<number, readonly (Uint8Array | bigint)[]>): ProtoMessage {
  const parts = (field: number): readonly Uint8Array[] =>
    (fields.get(field) ?? []).filter((value) => typeof value !== "bigint");
  const bytes = (field: number): Uint8Array => parts(field).at(-1) ?? new Uint8Array();
  return {
    text: (field) => textOf(bytes(field)),
    number: (field) => {
      const value = fields.get(field)?.at(-1);
      return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : 0;
    },
    bytes,
    message: (field) => readProto(bytes(field)),
    messages: (field) => parts(field).map(readProto),
    texts: (field) => parts(field).map(textOf),
    record: (field) =>
      Object.fromEntries(
        parts(field)
          .map(readProto)
          .map((entry) => [entry.text(1), entry.text(2)]),
      ),
    has: (field) => fields.has(field),
  };
}

function valueOf(reader: ByteReader, wireType: number): Uint8Array | bigint {
  switch (wireType) {
    case 0:
      return varint(reader);
    case 1:
      return reader.u64LE("a fixed64");
    case 2:
      return reader.take(Number(varint(reader)), "a field");
    case 5:
      return BigInt(reader.u32LE("a fixed32"));
    default:
      throw new AppError(
        "PEER_GRPC_ANSWER",
        `Cannot read a protobuf message: wire type ${wireType} is unknown`,
      );
  }
}

function varint(reader: ByteReader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.u8("a varint");
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new AppError("PEER_GRPC_ANSWER", "Cannot read a protobuf message: a varint has no end");
}

function varintBytes(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...varintBytes(Math.floor(value / 0x80))];
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}
