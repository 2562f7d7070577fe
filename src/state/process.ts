/**
 * A process running one program. A new program (execve), new credentials or a new directory make a
 * new object, so that whoever holds one (an alert that waits for metadata) keeps seeing what was
 * true when its event happened.
 */
export interface Process {
  readonly pid: number;
  readonly ppid: number;
  /** Ids in the process's own pid namespace. */
  readonly vpid: number;
  readonly vpgid: number;
  readonly pgid: number;
  readonly sid: number;
  /** The kernel's 15-byte name. */
  readonly comm: string;
  /** argv[0] as given. */
  readonly exe: string;
  /** The executable's resolved path; a memfd's is `memfd:NAME`. */
  readonly exepath: string;
  /** Arguments without argv[0]. */
  readonly args: readonly string[];
  /** Environment as `NAME=value`; undefined when the probe leaves it out. */
  readonly env: readonly string[] | undefined;
  /** Ends with `/`. */
  readonly cwd: string;
  /** Number of the controlling terminal, 0 when none. */
  readonly tty: number;
  readonly uid: number;
  readonly gid: number;
  /** 4294967295 when unset. */
  readonly loginuid: number;
  readonly capPermitted: bigint;
  readonly capEffective: bigint;
  readonly capInheritable: bigint;
  /** Bits of EXEC_FLAGS. */
  readonly exeFlags: number;
  readonly exeInode: number;
  /** Nanoseconds since the Unix epoch. */
  readonly exeCtime: bigint;
  readonly exeMtime: bigint;
  /**
   * Process start, nanoseconds since boot: with the pid it names one process for ever. From /proc
   * it is good to 10 ms only.
   */
  readonly startBoot: number;
  /** Process start, nanoseconds since the Unix epoch. */
  readonly startTime: bigint;
  /** When this program was started: nanoseconds since the Unix epoch. */
  readonly execTime: bigint;
  /** inode of its cgroup, see events/record.ts. */
  readonly cgroup: number;
  readonly networkNamespace: number;
  /** The mount namespace in which its program was started, that is whose file that is; 0: not known. */
  readonly programMountNamespace: number;
  readonly pidNamespace: number;
  /**
   * Start of the pid namespace's first process, nanoseconds since the Unix epoch; undefined when no
   * event told it.
   */
  readonly pidNamespaceStart?: bigint | undefined;
  /** Undefined for a process whose fork and exec were not seen. */
  readonly resources?: Resources | undefined;
}

/**
 * What a process used and may use when its last fork or execve was seen; a member is undefined when
 * that event left it out.
 */
export interface Resources {
  /** Soft limit of open descriptors, -1 for none. */
  readonly descriptorLimit: number | undefined;
  readonly majorFaults: number | undefined;
  readonly minorFaults: number | undefined;
  /** Memory in kilobytes: virtual, resident, swapped. */
  readonly virtualKb: number | undefined;
  readonly residentKb: number | undefined;
  readonly swappedKb: number | undefined;
}
