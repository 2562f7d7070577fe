import { Event } from "../../src/events/event.ts";
import { FIELDS } from "../../src/fields/registry.ts";
import { compileCondition } from "../../src/rules/compile-condition.ts";
import { type BoundOperand, bindOperand } from "../../src/rules/operands.ts";
import { textOf } from "../../src/rules/output.ts";
import { parseCondition, parseOperandAt } from "../../src/rules/parse-condition.ts";
import { accountsOf, parseAccounts } from "../../src/state/accounts.ts";
import { CurrentScene } from "../../src/state/current-scene.ts";
import type {
  DescriptorEntry,
  DescriptorEntryType,
  HostEntries,
  ThreadEntry,
} from "../../src/state/host-entries.ts";
import { ThreadTable } from "../../src/state/thread-table.ts";
import { Timeline } from "../../src/state/timeline.ts";
import { type Case, type Judge, text, type Verdict } from "./case-file.ts";

/** A thread of a case's list, as the real engine dumps it. */
type Dump = Readonly<Record<string, unknown>>;

/**
 * Sequences of raw events: every field of every event, and what upstream's tests assert of them.
 */
export const assessScenario: Judge = () => (one) => {
  const steps = one["steps"] as readonly Case[];
  const host = new ReplayedHost(hostOf(steps.filter((step) => step["op"] === "thread")));
  const pending: Uint8Array[] = [];
  const seen = new Map<string, CurrentScene>();
  for (const step of steps) {
    if (step["op"] === "event")
      pending.push(Uint8Array.from(Buffer.from(text(step["hex"]), "hex")));
    if (step["op"] === "next") {
      const bytes = pending.shift();
      if (bytes === undefined) return "no event is left";
      const scene = host.show(bytes);
      if (step["filtered"] === true) continue;
      if (scene === undefined) return "malformed event";
      const unlike = unlikeFields(scene, step["fields"] as Readonly<Record<string, unknown>>);
      if (unlike.length > 0)
        return `${text(step["evt_name"])} ${text(step["ts"])}: ${unlike.join("; ")}`;
      seen.set(text(step["ts"]), scene.freeze());
    }
    const scene = seen.get(text(step["ts"]));
    const verdict = scene === undefined ? true : assessAssertion(step, scene);
    if (verdict !== true) return verdict;
  }
  return true;
};

function assessAssertion(step: Case, scene: CurrentScene): Verdict {
  if (step["op"] === "field") {
    const got = fieldText(scene, text(step["field"])) ?? null;
    const expected = step["expected"] === null ? null : text(step["expected"]);
    return got === expected || `${text(step["field"])}: ${String(got)} and not ${String(expected)}`;
  }
  if (step["op"] === "has_value")
    return (
      (fieldText(scene, text(step["field"])) !== undefined) === step["expected"] ||
      `${text(step["field"])}: the value`
    );
  if (step["op"] !== "filter") return true;
  try {
    const holds = compileCondition(parseCondition(text(step["filter"])), FIELDS).predicate(scene);
    return holds === step["expected"] || `${text(step["filter"])}: ${String(holds)}`;
  } catch (error) {
    return step["expected"] === "throw" || String(error);
  }
}

/** A host that events alone make known. */
export class ReplayedHost {
  readonly threads = new ThreadTable({ capacity: 100_000 });
  readonly #scene: CurrentScene;
  readonly #times = new Timeline();
  readonly #event = new Event();
  #accounts = ACCOUNTS;

  constructor(entries?: HostEntries) {
    if (entries !== undefined) this.enter(entries);
    this.#scene = new CurrentScene({
      processes: this.threads,
      threads: this.threads,
      hostname: "",
      utcOffsetMinutes: () => 0,
      times: this.#times,
    });
  }

  enter(entries: HostEntries): void {
    this.threads.enter(entries);
    if (entries.users.length > 0) this.#accounts = accountsOf(entries);
  }

  show(bytes: Uint8Array): CurrentScene | undefined {
    const event = this.#event;
    if (
      !event.load(
        bytes,
        new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
        0,
        bytes.length,
        false,
      )
    )
      return undefined;
    event.num += 1;
    event.cpu = 1;
    return this.showEvent(event);
  }

  showEvent(event: Event): CurrentScene {
    this.#times.see(event);
    this.threads.apply(event);
    return this.#scene.show(event, this.threads.thread?.process, undefined, this.#accounts);
  }
}

/** Accounts of the machine that the answers were recorded on. */
const ACCOUNTS = parseAccounts(
  "root:x:0:0::/root:<NA>\ncloudsdk:x:1000:1000::/home:",
  "root:x:0:\ncloudsdk:x:1000:",
);

/** The fields that are not as expected, in words. */
export function unlikeFields(
  scene: CurrentScene,
  expected: Readonly<Record<string, unknown>>,
): string[] {
  const unlike: string[] = [];
  for (const [name, value] of Object.entries(expected)) {
    // Of a parent whose start nobody told, the real engine's duration is no number of its own.
    // Where no data came, its buffer holds what was printed before.
    const isNoise =
      (name === "proc.ppid.duration" && expected["proc.ppid.ts"] === "0") ||
      (name === "evt.buffer" && expected["evt.arg.data"] === "NULL");
    const got = isHostly(name) || isNoise ? text(value) : fieldText(scene, name);
    if (got !== text(value)) unlike.push(`${name}: ${String(got)} and not ${text(value)}`);
  }
  for (const name of DUMPED) {
    const got = expected[name] === undefined ? fieldText(scene, name) : undefined;
    if (got !== undefined) unlike.push(`${name}: ${got} and not missing`);
  }
  return unlike;
}

/**
 * What the real engine would have taken from the machine it ran on, and our own fields, which it
 * does not have: they are in no dump.
 */
function isHostly(name: string): boolean {
  return NOT_DUMPED.test(name);
}

const NOT_DUMPED =
  /^(?:saker|static|container|k8s|util|fdlist\..*)\.?|^evt\.(?:time|datetime|rawtime|reltime|deltatime|outputtime|hostname|dir|latency|wait_latency|cpu|plugin|count|around|infra|abspath|buflen\.)|^(?:user\.(?:name|homedir|shell|loginname)|group\.name)$|^fd\.(?:container|[cslr]proto)|^thread\.(?:pidns|netns|mntns|nametid|vmsize\.b|vmrss\.b)|proc\.exe_ino\.ctime_duration|^proc\.is_container/;

const DUMPED: readonly string[] = [...FIELDS.names()].filter((name) => {
  const field = FIELDS.get(name);
  return (
    field !== undefined &&
    !isHostly(name) &&
    field.filterOnly !== true &&
    field.argument === undefined &&
    field.bind !== undefined
  );
});

const OPERANDS = new Map<string, BoundOperand>();

export function fieldText(scene: CurrentScene, name: string): string | undefined {
  let operand = OPERANDS.get(name);
  if (operand === undefined)
    OPERANDS.set(name, (operand = bindOperand(parseOperandAt(name, 0).operand, FIELDS, "print")));
  return textOf(operand, scene);
}

function hostOf(dumps: readonly Dump[]): HostEntries {
  const descriptors = new Map(
    dumps.map((dump) => [
      Number(dump["tid"]),
      (dump["fds"] as readonly Dump[]).map(descriptorEntry),
    ]),
  );
  return {
    machine: undefined,
    threads: dumps.map(threadEntry),
    descriptors,
    users: [],
    groups: [],
    interfaces: [],
  };
}

function descriptorEntry(dump: Dump): DescriptorEntry {
  return {
    number: Number(dump["fd"]),
    inode: Number(dump["ino"]),
    type: Number(dump["type"]) as DescriptorEntryType,
    name: text(dump["name"]),
    openFlags: Number(dump["open_flags"]),
    device: Number(dump["dev"]),
    protocol: 0,
    source: undefined,
    destination: undefined,
  };
}

const EXE_BITS = {
  exe_writable: 1,
  exe_upper_layer: 2,
  exe_from_memfd: 4,
  exe_lower_layer: 8,
} as const;

function threadEntry(dump: Dump): ThreadEntry {
  const number = (key: string): number => Number(dump[key] ?? 0);
  const texts = (key: string): string[] => ((dump[key] ?? []) as readonly unknown[]).map(text);
  return {
    tid: number("tid"),
    pid: number("pid"),
    ptid: number("ptid"),
    sid: number("sid"),
    vpgid: number("vpgid"),
    pgid: number("pgid"),
    vtid: number("vtid"),
    vpid: number("vpid"),
    comm: text(dump["comm"]),
    exe: text(dump["exe"]),
    exepath: text(dump["exepath"]),
    args: texts("args"),
    env: texts("env"),
    cwd: text(dump["cwd"]),
    root: text(dump["root"]),
    cgroups: ((dump["cgroups"] ?? []) as readonly (readonly [string, string])[]).map((pair) =>
      pair.join("="),
    ),
    fdlimit: number("fdlimit"),
    flags: number("flags"),
    uid: number("uid"),
    gid: number("gid"),
    loginuid: number("loginuid"),
    tty: number("tty"),
    vmSize: number("vmsize_kb"),
    vmRss: number("vmrss_kb"),
    vmSwap: number("vmswap_kb"),
    pfMajor: number("pfmajor"),
    pfMinor: number("pfminor"),
    cloneTime: BigInt(text(dump["clone_ts"]) || 0),
    pidNamespaceStart: 0n,
    exeFlags: Object.entries(EXE_BITS).reduce(
      (bits, [key, bit]) => (dump[key] === true ? bits | bit : bits),
      0,
    ),
    exeInode: 0,
    exeCtime: 0n,
    exeMtime: 0n,
    capPermitted: BigInt(number("cap_permitted")),
    capEffective: BigInt(number("cap_effective")),
    capInheritable: BigInt(number("cap_inheritable")),
  };
}
