/** A line of a mount table. */
export interface Mount {
  /** Unique on the host, as in `mnt_id` of /proc/PID/fdinfo. */
  readonly id: number;
  /** `major:minor` of its file system. */
  readonly device: string;
  /** Where it is mounted, as the namespace's own root sees it. */
  readonly point: string;
  readonly type: string;
}

/** The mounts of /proc/PID/mountinfo (proc_pid_mountinfo(5)); what is no such line is left out. */
export function readMounts(text: string): Mount[] {
  return [...mountsOf(text)];
}

/** The same one by one, for tables of a hundred thousand mounts. */
export function* mountsOf(text: string): Generator<Mount> {
  for (let start = 0; start < text.length;) {
    const end = text.indexOf("\n", start);
    const line = text.slice(start, end < 0 ? undefined : end);
    start = end < 0 ? text.length : end + 1;
    const words = line.split(" ");
    const [id, , device, , point] = words;
    // Optional words stand before a dash of their own.
    const type = words[words.indexOf("-", 6) + 1];
    if (device !== undefined && point !== undefined && type !== undefined)
      yield { id: Number(id), device, point: unescape(point), type };
  }
}

/**
 * The mounts whose files can be watched: local file systems. A network's or a user's (FUSE) may
 * answer late or never, and who watches a file opens it; so devices are not
 * to be opened either, which is why the file system on /dev is left out, wherever else a part of it
 * is mounted.
 */
export function watchableMounts(mounts: readonly Mount[]): Mount[] {
  const devices = new Set(
    mounts.filter(({ point }) => point === "/dev").map(({ device }) => device),
  );
  return mounts.filter(
    ({ device, point, type }) =>
      LOCAL.has(type) && !devices.has(device) && !point.endsWith("//deleted"),
  );
}

/**
 * Whether files on it are files: those of proc act when they are read, and a user's server (FUSE)
 * may never answer: who waits for one that has taken a request cannot even be killed (the kernel's
 * fs/fuse/dev.c, request_wait_answer). A network's may be late, but who waits for it can be.
 */
export function storesFiles({ type }: Pick<Mount, "type">): boolean {
  return LOCAL.has(type) || REMOTE.has(type);
}

/** Blanks, tabs, line ends and backslashes stand as three octal digits. */
function unescape(point: string): string {
  return point.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

const REMOTE: ReadonlySet<string> = new Set([
  "nfs",
  "nfs4",
  "cifs",
  "smb3",
  "ceph",
  "9p",
  "virtiofs",
  "gfs2",
  "ocfs2",
  "lustre",
  "afs",
]);

const LOCAL: ReadonlySet<string> = new Set([
  "rootfs",
  "ecryptfs",
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "btrfs",
  "bcachefs",
  "f2fs",
  "jfs",
  "nilfs2",
  "reiserfs",
  "zfs",
  "overlay",
  "aufs",
  "tmpfs",
  "ramfs",
  "erofs",
  "squashfs",
  "iso9660",
  "udf",
  "vfat",
  "exfat",
  "ntfs3",
]);
