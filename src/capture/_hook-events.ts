import type { ProgramAttach } from "../bpf/object-spec.ts";
import { eventType } from "../events/schema.ts";

/** As `PATH_CALLS` of probe/call-paths.h has them. */
const EVENTS_OF_ACT = {
  rename: "rename renameat renameat2",
  link: "link linkat",
  symlink: "symlink symlinkat",
  unlink: "unlink unlinkat rmdir",
  mkdir: "mkdir mkdirat",
  chmod: "chmod fchmodat",
  chown: "chown lchown fchownat",
} as const;

type Act = keyof typeof EVENTS_OF_ACT;

/** As `find_request` of probe/on-uring.h has them. */
const EVENTS_OF_REQUESTS =
  "accept4 connect socket bind openat openat2 renameat2 unlinkat mkdirat symlinkat linkat";

const TOUCHING: readonly Act[] = ["rename", "link", "symlink", "unlink", "chmod", "chown"];

/**
 * The events that each hook of the probe has a part in, by its tracepoint or function: probe/on-path.h,
 * on-touch.h, on-uring.h. What is not here is needed by whatever is watched.
 */
const EVENTS_OF_HOOK: ReadonlyMap<string, string> = new Map([
  ["security_path_rename", EVENTS_OF_ACT.rename],
  ["security_path_link", EVENTS_OF_ACT.link],
  ["security_path_symlink", EVENTS_OF_ACT.symlink],
  ["security_path_unlink", EVENTS_OF_ACT.unlink],
  ["security_path_rmdir", EVENTS_OF_ACT.unlink],
  ["security_path_mkdir", EVENTS_OF_ACT.mkdir],
  ["security_path_chmod", EVENTS_OF_ACT.chmod],
  ["security_path_chown", EVENTS_OF_ACT.chown],
  ...["inode_set_ctime_to_ts", "ctime_ns_xchg", "ctime_xchg_skip"].map(
    (hook) => [hook, TOUCHING.map((act) => EVENTS_OF_ACT[act]).join(" ")] as const,
  ),
  ...["submit_req", "submit_sqe", "complete", "cqe_overflow"].map(
    (hook) => [`io_uring_${hook}`, EVENTS_OF_REQUESTS] as const,
  ),
]);

const CODES_OF_HOOK: ReadonlyMap<string, ReadonlySet<number>> = new Map(
  [...EVENTS_OF_HOOK].map(([hook, names]) => [
    hook,
    new Set(names.split(" ").map((name) => eventType(name).code)),
  ]),
);

/** Whether a program there has anything to do while these scap event codes are asked for. */
export function isHookNeeded({ tracepoint }: ProgramAttach, codes: ReadonlySet<number>): boolean {
  return CODES_OF_HOOK.get(tracepoint)?.isDisjointFrom(codes) !== true;
}
