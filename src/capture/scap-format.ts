// The scap file: blocks of `{ u32 type, u32 length of the whole block, body, padding to 4, u32 the
// length again }`, all numbers little-endian, as on the machines that are read here. Source: libs
// userspace/libscap/scap_savefile.h (facts). Read by scap-reader.ts, written by scap-writer.ts.

/** Bytes of a block that are not its body. */
export const BLOCK = { type: 0, length: 4, body: 8, trailer: 4, overhead: 12 } as const;

/** The block that every section starts with. */
export const SECTION = {
  type: 0x0a0d0d0a,
  magic: 0x1a2b3c4d,
  major: 1,
  minor: 2,
  length: 16,
} as const;

/** Machine information (`scap_machine_info`), offsets into the body. */
export const MACHINE = {
  type: 0x201,
  cpus: 0,
  memory: 4,
  maxPid: 12,
  hostname: 20,
  hostnameLength: 128,
  bootTime: 148,
  length: 180,
} as const;

/** The numbers that blocks had before the format's first release. */
const UNOFFICIAL: Readonly<Record<number, number>> = {
  0x8000_abcd: 0x202,
  0x8001_abcd: 0x203,
  0x8002_abcd: 0x201,
  0x8010_abcd: 0x204,
  0x8011_abcd: 0x205,
  0x8012_abcd: 0x206,
  0x8013_abcd: 0x207,
  0x8014_abcd: 0x209,
};

/** The type of a block under its present number. */
export function presentType(type: number): number {
  return type < 0x8000_0000 ? type : (UNOFFICIAL[type] ?? type);
}

/** Versions of the process list by block type. */
export const PROCESS_LISTS: ReadonlyMap<number, number> = new Map([
  [0x202, 1],
  [0x207, 2],
  [0x209, 3],
  [0x210, 4],
  [0x211, 5],
  [0x212, 6],
  [0x213, 7],
  [0x214, 8],
  [0x215, 9],
]);

/** Lists whose entries begin with their own length since version 2. */
export const DESCRIPTOR_LISTS: ReadonlyMap<number, number> = new Map([
  [0x203, 1],
  [0x218, 2],
]);
/** Blocks that list network interfaces, by type, with the version of their layout. */
export const INTERFACE_LISTS: ReadonlyMap<number, number> = new Map([
  [0x205, 1],
  [0x219, 2],
]);
/** Blocks that list users and groups, by type, with the version of their layout. */
export const USER_LISTS: ReadonlyMap<number, number> = new Map([
  [0x206, 1],
  [0x220, 2],
]);

/** A block that holds one event: `{ u16 cpu, u32 flags where it has them, the event }`. */
export interface EventBlock {
  /** The first version's event header has no number of parameters. */
  readonly version: 1 | 2;
  readonly hasFlags: boolean;
  /** Only these are over 64 KiB. */
  readonly isLarge: boolean;
}

/** Blocks that hold one event each, by type. */
export const EVENT_BLOCKS: ReadonlyMap<number, EventBlock> = new Map([
  [0x204, { version: 1, hasFlags: false, isLarge: false }],
  [0x208, { version: 1, hasFlags: true, isLarge: false }],
  [0x216, { version: 2, hasFlags: false, isLarge: false }],
  [0x217, { version: 2, hasFlags: true, isLarge: false }],
  [0x221, { version: 2, hasFlags: false, isLarge: true }],
  [0x222, { version: 2, hasFlags: true, isLarge: true }],
]);

/** Flags of an event block: the event was written for the state that it makes, not to be shown. */
export const STATE_ONLY = 1;

/**
 * Most bytes of a block, body and padding: of an event, of a large event, of a list. A longer one
 * is refused.
 */
export const BLOCK_LIMITS = {
  event: 64 * 1024,
  largeEvent: 64 * 1024 * 1024,
  list: 256 * 1024 * 1024,
} as const;

/** Kinds of an interface list's entries (libs, `scap_ifinfo_type`). */
export const INTERFACE_TYPES = {
  IPV4: 1,
  IPV6: 2,
  IPV4_NOLINKSPEED: 3,
  IPV6_NOLINKSPEED: 4,
} as const;

/** Kinds of a user list's entries. */
export const ACCOUNT_TYPES = { USER: 0, GROUP: 1 } as const;
