import type { SeenEvents } from "../events/probe-events.ts";
import { EVENT_TYPE_BY_NAME, EVENT_TYPES, eventType } from "../events/schema.ts";
import { GENERIC_CALLS, syscallName } from "../events/system-calls.ts";

/** Falco's `base_syscalls`: what is traced beside what rules ask for. */
export interface BaseSyscalls {
  /** Names of calls instead of those that Falco's state needs; `!name` leaves one out, whoever asks. */
  readonly customSet: readonly string[];
  /** The least that Falco's state needs, instead of all that it knows to use. */
  readonly repair: boolean;
  /** Calls that only read and write are traced where a rule asks for them. */
  readonly all: boolean;
}

/** What holds where nothing is said. */
export const DEFAULT_BASE_SYSCALLS: BaseSyscalls = { customSet: [], repair: false, all: false };

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Calls that programs make all the time and that tell little: Falco holds them back. */
const INPUT_OUTPUT: ReadonlySet<string> = new Set(
  words("read pread readv preadv write pwrite writev pwritev send recv sendfile"),
);

/** What changes Falco's tables of threads and descriptors. */
const STATE = words(`
  accept accept4 bind capset chdir chroot clone clone3 close close_range connect creat dup dup2 dup3 epoll_create epoll_create1
  eventfd eventfd2 execve execveat fchdir fcntl fork getsockopt inotify_init inotify_init1 io_uring_setup memfd_create mount
  open open_by_handle_at openat openat2 pidfd_getfd pidfd_open pipe pipe2 prctl prlimit procexit recvfrom recvmmsg recvmsg
  sendmmsg sendmsg sendto setgid setregid setresgid setresuid setreuid setrlimit setsid setuid shutdown signalfd signalfd4
  socket socketpair timerfd_create umount umount2 userfaultfd vfork
`);

/** What Falco cannot do without. */
const REPAIR = words(`
  clone clone3 fork vfork execve execveat fchdir chdir chroot capset setgid setpgid setresgid setresuid setsid setuid prctl
`);

/** Where a call of these categories is traced, so must these be. */
const REPAIR_NETWORK = ["socket", "getsockopt"];
const REPAIR_DESCRIPTORS: ReadonlySet<string> = new Set([
  "file",
  "net",
  "io_read",
  "io_write",
  "io_other",
]);

/** Old engines told of a call under the name of another, so who names that means both. */
const ALSO: Readonly<Record<string, readonly string[]>> = { accept: ["accept4"] };

const CATEGORY_OF: ReadonlyMap<string, string> = new Map(
  EVENT_TYPES.flatMap((type) => (type === undefined ? [] : [[type.name, type.category]])),
);

/** The calls that Falco would trace, by name, for rules that ask for these. */
export function selectedCalls(
  asked: Iterable<string>,
  { customSet, repair, all }: BaseSyscalls,
): ReadonlySet<string> {
  const wanted = withOthers(asked);
  const chosen = withOthers(customSet.filter((name) => !isNegative(name)));
  const base = chosen.size > 0 ? chosen : repair ? repairFor(wanted) : new Set(STATE);
  const selected = wanted.union(base).difference(leftOut({ customSet }));
  return (all ? selected : selected.difference(INPUT_OUTPUT)).union(ALWAYS);
}

const ALWAYS: ReadonlySet<string> = new Set(["procexit"]);

const isNegative = (name: string): boolean => name.startsWith("!");

function withOthers(names: Iterable<string>): Set<string> {
  return new Set([...names].flatMap((name) => [name, ...(ALSO[name] ?? [])]));
}

function leftOut({ customSet }: Pick<BaseSyscalls, "customSet">): ReadonlySet<string> {
  return withOthers(customSet.filter(isNegative).map((name) => name.slice(1)));
}

/** Names of the custom set that no call and no event has. */
export function unknownCalls({ customSet }: BaseSyscalls): readonly string[] {
  return customSet
    .map((name) => name.replace(/^!/, ""))
    .filter((name) => !EVENT_TYPE_BY_NAME.has(name) && !GENERIC_CALLS.has(name));
}

function repairFor(wanted: ReadonlySet<string>): Set<string> {
  const categories = new Set([...wanted].map((name) => CATEGORY_OF.get(name) ?? ""));
  return new Set([
    ...REPAIR,
    ...(categories.has("net") ? REPAIR_NETWORK : []),
    ...(wanted.has("accept") || wanted.has("accept4") ? ["bind"] : []),
    ...(categories.isDisjointFrom(REPAIR_DESCRIPTORS) ? [] : ["close"]),
  ]);
}

/** Why an event that the probe could send is not sent; undefined: it is. */
export function heldBackBy(name: string, base: BaseSyscalls): "all" | "custom_set" | undefined {
  if (name === "procexit") return undefined;
  if (leftOut(base).has(name)) return "custom_set";
  return !base.all && INPUT_OUTPUT.has(name) ? "all" : undefined;
}

/** Calls by scap event code, and by scap's own number those that share the generic event. */
interface Calls {
  readonly codes: ReadonlySet<number>;
  readonly genericCalls: ReadonlySet<number>;
}

/**
 * The calls that are to be sent for rules that ask for these: of what Falco would trace, what a rule
 * or the configuration names. What else Falco's state needs, ours does not.
 */
export function wantedCalls(
  {
    eventCodes,
    genericCalls,
  }: { readonly eventCodes: ReadonlySet<number> } & Pick<Calls, "genericCalls">,
  base: BaseSyscalls,
): Calls {
  const names = [...eventCodes].flatMap((code) => EVENT_TYPES[code]?.name ?? []);
  const calls = [...genericCalls].flatMap((call) => syscallName(call) ?? []);
  const selected = selectedCalls([...names, ...calls], base);
  const chosen = base.customSet.filter((name) => selected.has(name));
  const isSent = (code: number): boolean =>
    EVENT_TYPES[code]?.source !== "syscall" ||
    code === GENERIC ||
    selected.has(EVENT_TYPES[code].name);
  const chosenCalls = chosen.flatMap((name) => GENERIC_CALLS.get(name) ?? []);
  return {
    codes: new Set([
      ...[...eventCodes].filter(isSent),
      ...chosen.flatMap((name) => EVENT_TYPE_BY_NAME.get(name)?.code ?? []),
      ...(chosenCalls.length > 0 ? [GENERIC] : []),
    ]),
    genericCalls: new Set([
      ...[...genericCalls].filter((call) => selected.has(syscallName(call) ?? "")),
      ...chosenCalls,
    ]),
  };
}

const GENERIC = eventType("syscall").code;

/** What is sent of what can be sent, and the configuration's word that it follows from. */
export interface SentEvents extends SeenEvents {
  readonly base: BaseSyscalls;
}

/** What is sent of what can be sent. */
export function sentEvents(seen: SeenEvents, base: BaseSyscalls): SentEvents {
  const isSent = (name: string | undefined): boolean =>
    name !== undefined && heldBackBy(name, base) === undefined;
  return {
    ...seen,
    base,
    codes: new Set([...seen.codes].filter((code) => isSent(EVENT_TYPES[code]?.name))),
    calls: new Set([...seen.calls].filter((call) => isSent(syscallName(call)))),
  };
}
