import type { FieldType } from "../fields/field.ts";

interface NumberShape {
  readonly family: "number";
  readonly bits: 8 | 16 | 32 | 64;
  readonly signed: boolean;
}

/** How values of a type are compared. `opaque`: nothing but `exists` asks for them. */
export type TypeShape =
  | NumberShape
  | { readonly family: "text" | "bytes" | "bool" | "address" | "network" | "opaque" };

const unsigned = (bits: NumberShape["bits"]): NumberShape => ({
  family: "number",
  bits,
  signed: false,
});
const signed = (bits: NumberShape["bits"]): NumberShape => ({
  family: "number",
  bits,
  signed: true,
});
const TEXT = { family: "text" } as const;
const ADDRESS = { family: "address" } as const;
const NETWORK = { family: "network" } as const;
const OPAQUE = { family: "opaque" } as const;

/**
 * One table of all types (libs, `PT_*`): everything that conditions and outputs do differently by
 * type is derived from it.
 */
export const TYPE_SHAPES: Readonly<Record<FieldType, TypeShape>> = {
  CHARBUF: TEXT,
  FSPATH: TEXT,
  FSRELPATH: TEXT,
  BYTEBUF: { family: "bytes" },
  BOOL: { family: "bool" },
  INT8: signed(8),
  INT16: signed(16),
  INT32: signed(32),
  INT64: signed(64),
  UINT8: unsigned(8),
  UINT16: unsigned(16),
  UINT32: unsigned(32),
  UINT64: unsigned(64),
  FLAGS8: unsigned(8),
  FLAGS16: unsigned(16),
  FLAGS32: unsigned(32),
  ENUMFLAGS8: unsigned(8),
  ENUMFLAGS16: unsigned(16),
  ENUMFLAGS32: unsigned(32),
  MODE: unsigned(32),
  UID: unsigned(32),
  GID: unsigned(32),
  SIGTYPE: unsigned(8),
  SYSCALLID: unsigned(16),
  L4PROTO: unsigned(8),
  SOCKFAMILY: unsigned(8),
  PID: signed(64),
  FD: signed(64),
  ERRNO: signed(64),
  PID32: signed(32),
  FD32: signed(32),
  PORT: unsigned(16),
  ABSTIME: unsigned(64),
  RELTIME: unsigned(64),
  DOUBLE: signed(64),
  IPADDR: ADDRESS,
  IPV4ADDR: ADDRESS,
  IPV6ADDR: ADDRESS,
  IPNET: NETWORK,
  IPV4NET: NETWORK,
  IPV6NET: NETWORK,
  CHARBUFARRAY: OPAQUE,
  CHARBUF_PAIR_ARRAY: OPAQUE,
  DYN: OPAQUE,
  FDLIST: OPAQUE,
  SIGSET: OPAQUE,
  SOCKADDR: OPAQUE,
  SOCKTUPLE: OPAQUE,
  NONE: OPAQUE,
};

/** True for a field whose values are compared as text. */
export function isText(type: FieldType): boolean {
  return TYPE_SHAPES[type].family === "text";
}
