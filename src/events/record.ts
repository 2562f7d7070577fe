// The layout of one live record, shared with probe/record.h (the test in bpf/ compares both by
// BTF).
//
//   context (88 bytes, below) │ scap event: header, parameter lengths (u16 each), parameters │
// sections
//
// All numbers are little-endian, as are both architectures the probe is built for. The scap event
// is byte for byte what a .scap file holds, so recording is a copy. Sections are what the kernel
// knew beyond scap's parameters: directory  the absolute path that a relative path parameter starts
// from: bytes `{ u16 length, path }` resolved the paths of the files that a call led to, from the root of
// all mounts, in the same form, one behind the other descriptor what the event's descriptor is, see DESCRIPTOR

/**
 * Offsets into the context that stands before each live event. Namespaces are inode numbers; times
 * are ns since boot.
 */
export const CONTEXT = {
  /**
   * inode of the cgroup's directory: v2 where the task is in a v2 group below the root, else v1
   * `pids` (u64)
   */
  cgroup: 0,
  /** start of the process, that is of its thread group's leader (u64) */
  startTime: 8,
  pid: 16,
  tid: 20,
  /** process id of the real parent */
  ppid: 24,
  /** process id in the process's own pid namespace */
  vpid: 28,
  uid: 32,
  gid: 36,
  /** 0xffffffff when unset */
  loginuid: 40,
  pidNamespace: 44,
  mountNamespace: 48,
  networkNamespace: 52,
  /** offset of the descriptor section from the record's start, 0 when absent */
  descriptor: 56,
  /**
   * bits: 1 a parameter or section was cut at its limit, 2 a 32-bit system call, 4 found at the
   * start, not seen to happen, 8 done by io_uring, 16 a path is not whole, and where it led is not
   * told either (RECORD_FLAGS)
   */
  flags: 60,
  /** the thread's name, 16 bytes, NUL-terminated */
  comm: 64,
  /** offset of the directory section from the record's start, 0 when absent */
  directory: 80,
  /**
   * offset of the section that tells where paths led: of an open one, absent when it is the one that
   * was passed; of calls on files without a descriptor two, of which the second or either may be
   * empty; of a program that starts the file that was named, and the executable
   */
  resolved: 84,
  /** where the scap event starts */
  end: 88,
} as const;

/** Bits of a context's `flags`. */
export const RECORD_FLAGS = {
  CUT: 1,
  COMPAT: 2,
  FOUND_AT_START: 4,
  IO_URING: 8,
  PATH_UNKNOWN: 16,
} as const;

/**
 * Offsets into the header of a scap event (libs, `struct ppm_evt_hdr`, packed). The lengths follow
 * at `end`.
 */
export const SCAP_HEADER = {
  timestamp: 0,
  tid: 8,
  length: 16,
  type: 20,
  count: 22,
  end: 26,
} as const;

/**
 * Offsets into the descriptor section. `kind` is Falco's fd.typechar as ASCII: f d 4 6 u p e l s i
 * t n b r m P o. After `end`: for 4 and 6 local address, u16 local port, remote address, u16 remote
 * port (ports in host order, addresses of 4 or 16 bytes); for all others u16 length and path (of a
 * unix socket: its bound name; an abstract one starts with "@").
 */
export const DESCRIPTOR = {
  kind: 0,
  state: 1,
  protocol: 2,
  family: 3,
  device: 4,
  inode: 8,
  end: 16,
} as const;

/**
 * Values of a socket descriptor's `state` byte (include/net/tcp_states.h); 0 when it is not a
 * socket.
 */
export const TCP_STATE = { ESTABLISHED: 1, SYN_SENT: 2, CLOSE: 7, LISTEN: 10 } as const;

/**
 * Notices: records of the probe that are not events of scap. They carry the same context and
 * parameter layout, so they share the decoder; they never reach rules or recordings. cgroup_mkdir:
 * u64 id, path text, u8 1 of version 1 (sent too when an id is first met); cgroup_rmdir: u64 id, u8
 * 1 of version 1; inet_sock_set_state: u64 socket identity, u8 old state, u8 new state, with a
 * descriptor section whose state is the new one (its inode is the one that a bind's descriptor has);
 * from LISTEN to LISTEN when a socket that was never bound has got its port.
 */
export const NOTICE = {
  cgroup_mkdir: 0xf001,
  cgroup_rmdir: 0xf002,
  inet_sock_set_state: 0xf003,
} as const;

/** The first code that is a notice rather than a scap event. */
export const FIRST_NOTICE = 0xf000;

/**
 * The time of a record that stands at `start`, in nanoseconds since the Unix epoch, good to 256 ns.
 */
export function recordTime(view: DataView, start: number): number {
  const at = start + CONTEXT.end + SCAP_HEADER.timestamp;
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}
