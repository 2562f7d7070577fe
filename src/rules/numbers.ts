import type { FieldType } from "../fields/field.ts";

/** Width in bits and sign of the number types; DOUBLE takes whole literals, too. */
const NUMBER_TYPES: Readonly<Partial<Record<FieldType, { readonly bits: number; readonly signed: boolean }>>> = {
  INT8: { bits: 8, signed: true },
  UINT8: { bits: 8, signed: false },
  UINT16: { bits: 16, signed: false },
  INT16: { bits: 16, signed: true },
  INT32: { bits: 32, signed: true },
  INT64: { bits: 64, signed: true },
  UINT32: { bits: 32, signed: false },
  UINT64: { bits: 64, signed: false },
  DOUBLE: { bits: 64, signed: true },
  PORT: { bits: 16, signed: false },
  ABSTIME: { bits: 64, signed: false },
  RELTIME: { bits: 64, signed: false },
};

export function isNumberType(type: FieldType): boolean {
  return NUMBER_TYPES[type] !== undefined;
}

/** The number that a literal is for a type: plain decimal, cut to the type's width as Falco cuts it; undefined when it is none. */
export function parseNumber(text: string, type: FieldType): number | bigint | undefined {
  const shape = NUMBER_TYPES[type];
  if (shape === undefined) return undefined;
  const service = type === "PORT" ? SERVICES[text.toLowerCase()] : undefined;
  if (service !== undefined) return service;
  if (!/^[+-]?\d{1,30}$/.test(text)) return undefined;
  const cut = shape.signed ? BigInt.asIntN(shape.bits, BigInt(text)) : BigInt.asUintN(shape.bits, BigInt(text));
  return normal(cut);
}

/** Whole numbers compare as numbers where they fit, so that both kinds of the same value are one. */
export function normal(value: number | bigint): number | bigint {
  return typeof value === "bigint" && value >= -MAX_SAFE && value <= MAX_SAFE ? Number(value) : value;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The services that rules name (services(5)). */
const SERVICES: Readonly<Record<string, number>> = {
  ftp: 21, ssh: 22, telnet: 23, smtp: 25, domain: 53, http: 80, kerberos: 88, pop3: 110, ntp: 123, imap2: 143, imap: 143, snmp: 161, irc: 194, ldap: 389, https: 443,
  submission: 587, ldaps: 636, imaps: 993, pop3s: 995, mysql: 3306, "ms-wbt-server": 3389, postgresql: 5432, amqp: 5672, redis: 6379, "http-alt": 8080,
};
