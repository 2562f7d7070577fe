import { existsSync } from "node:fs";
import { release } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { lostRecords } from "../capture/losses.ts";
import { ownHostPid } from "../capture/own-process.ts";
import { openProbe } from "../capture/probe.ts";
import type { ProbeCounters } from "../capture/probe-counters.ts";
import type { RuntimeStatus } from "../containers/runtime.ts";
import { runtimesOfHost } from "../containers/runtimes-of-host.ts";
import { loadConfig } from "../config/config-file.ts";
import { baseRules, readRuleFiles } from "../config/rule-files.ts";
import { EVENT_TYPES } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { CAPABILITIES, type Capability, has, ownCapabilities } from "../libc/capabilities.ts";
import { ownNamespaceInode } from "../ports/network-namespace.ts";
import { loadRules } from "../rules/load-rules.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import { EXIT } from "./exit.ts";
import { kubernetesCheck } from "./kubernetes-check.ts";
import { escaped } from "../reports/escaped.ts";
import { painted, type Piece, printJson, printLine } from "./print.ts";

/** One line of what was found. */
export interface Check {
  readonly name: string;
  /** `ok`; `limited`: Saker works with less; `missing`: `saker watch` cannot run. */
  readonly state: "ok" | "limited" | "missing";
  readonly detail: string;
  readonly hint?: string;
}

/** The options of `saker doctor`, as they were typed. */
export interface DoctorOptions {
  readonly json?: boolean;
  /** The watch's configuration, and what goes over it. */
  readonly config?: string;
  readonly override?: readonly string[];
}

/**
 * `saker doctor`: what works on this host, what does not, and what to do. Exit code 3 when `saker
 * watch` could not run. Throws `CONFIG_…`.
 */
export async function doctor(options: DoctorOptions): Promise<void> {
  const { kubernetes } = loadConfig(options.config, {
    environment: process.env,
    overrides: options.override,
  }).settings;
  const checks = [
    kernel(),
    privileges(),
    await probe(),
    namespaces(),
    ...(await runtimes()),
    ...(kubernetes === undefined ? [] : [await kubernetesCheck(kubernetes)]),
    rules(),
  ];
  for (const check of checks)
    if (options.json === true) printJson(check);
    else printLine(...line(check));
  if (checks.some((check) => check.state === "missing")) process.exitCode = EXIT.missing;
}

function line({ name, state, detail, hint }: Check): readonly Piece[] {
  const mark = {
    ok: painted("green", "ok     "),
    limited: painted("yellow", "limited"),
    missing: painted("red", "missing"),
  }[state];
  const advice = hint === undefined ? "" : `\n        ${" ".repeat(12)}→ ${hint}`;
  return [mark, ` ${name.padEnd(12)} ${escaped(detail)}`, advice];
}

function kernel(): Check {
  const hasBtf = existsSync("/sys/kernel/btf/vmlinux");
  const detail = `Linux ${release()} on ${process.arch}, ${hasBtf ? "with" : "without"} BTF`;
  if (hasBtf) return { name: "kernel", state: "ok", detail };
  return {
    name: "kernel",
    state: withoutProbe(),
    detail,
    hint: `the probe needs /sys/kernel/btf/vmlinux: a kernel from 5.8 with CONFIG_DEBUG_INFO_BTF${FALLS_BACK}`,
  };
}

/** What `saker watch` uses, and what is not there without it. */
const USES: readonly (readonly [names: readonly Capability[], lost: string])[] = [
  [["CAP_BPF", "CAP_SYS_ADMIN"], "the probe"],
  [["CAP_PERFMON", "CAP_SYS_ADMIN"], "the probe"],
  [["CAP_SYS_PTRACE"], "what other users' processes are, and their network namespaces"],
  [["CAP_SYS_ADMIN"], "audits inside of containers"],
];

function privileges(): Check {
  const { effective } = ownCapabilities();
  const lacking = USES.filter(([names]) => !names.some((name) => has(effective, name)));
  const name = "privileges";
  if (lacking.length === 0)
    return {
      name,
      state: "ok",
      detail: `${Object.keys(CAPABILITIES)
        .filter((one) => has(effective, one as Capability))
        .join(", ")}; a watch gives up after its start what it no longer needs`,
    };
  const isWithoutProbe = lacking.some(([, lost]) => lost === "the probe");
  const detail = `without ${[...new Set(lacking.map(([[first]]) => first))].join(", ")}: not seen are ${[...new Set(lacking.map(([, lost]) => lost))].join(", ")}`;
  const hint =
    "run as root, or with CAP_BPF and CAP_PERFMON for the probe, CAP_SYS_PTRACE for other users' processes, CAP_SYS_ADMIN for audits inside of containers";
  return { name, state: isWithoutProbe ? withoutProbe() : "limited", detail, hint };
}

/** Root without eBPF still sees programs that start, ports that open and files that are opened. */
function withoutProbe(): Check["state"] {
  return process.geteuid?.() === 0 ? "limited" : "missing";
}

const FALLS_BACK =
  "; without it root watches programs that start, ports that open and files that are opened (--source sockets)";

/** How long the events of the shipped rules are counted. */
const COUNTED_MS = 1000;

async function probe(): Promise<Check> {
  try {
    const source = openProbe({ ringBytes: 1 << 20, ownPid: ownHostPid() });
    try {
      const { eventCodes, callFilter } = compileRuleSet(
        loadRules(readRuleFiles([]), { fields: FIELDS, base: baseRules() }).rules,
        { matching: "first" },
      );
      source.setCallFilter(callFilter);
      source.setEnabled(eventCodes);
      source.start(() => {});
      await sleep(COUNTED_MS);
      return {
        name: "probe",
        state: "ok",
        detail: `loads and attaches (${source.variant}${source.seesIoUring ? "" : ", without io_uring"}); paths of links and renames ${source.seesPaths ? "where they led" : "as they were passed, the kernel has no kprobes"}; within a second ${countsText(source.counters())}`,
      };
    } finally {
      source.close();
    }
  } catch (thrown) {
    const hint = `${thrown instanceof AppError ? (thrown.hint ?? "") : ""}${FALLS_BACK}`;
    return { name: "probe", state: withoutProbe(), detail: messageOf(thrown), hint };
  }
}

/** What the kernel saw, and the events that it saw most. */
function countsText({ seen, filtered, sent, dropped, byCode }: ProbeCounters): string {
  const most = [...byCode].toSorted(([, left], [, right]) => right.seen - left.seen).slice(0, 3);
  const types = most
    .map(([code, outcomes]) => `${EVENT_TYPES[code]?.name ?? code} ${outcomes.seen}`)
    .join(", ");
  return `${seen} calls that the shipped rules ask for${types === "" ? "" : ` (${types})`}: ${filtered} kept in the kernel, ${sent} sent, ${lostRecords(dropped)} dropped`;
}

function namespaces(): Check {
  try {
    return {
      name: "namespaces",
      state: "ok",
      detail: `this process is in network namespace ${ownNamespaceInode()}`,
    };
  } catch (thrown) {
    return {
      name: "namespaces",
      state: "limited",
      detail: messageOf(thrown),
      hint: "ports inside containers cannot be examined",
    };
  }
}

/** A line for each runtime that is there; one for all when none is. */
async function runtimes(): Promise<Check[]> {
  const all = runtimesOfHost(process.env);
  const states = await Promise.all(
    all.map(async (runtime) => ({ runtime, status: await runtime.status() })),
  );
  const checks = states.flatMap(({ runtime, status }) => runtimeCheck(runtime.name, status) ?? []);
  if (checks.length > 0) return checks;
  const problems = states.flatMap(({ status }) => status.problem ?? []);
  const hint =
    "containers are still seen, by their id; start the runtime, or point DOCKER_HOST at its socket, for names and images";
  const detail = problems.find((problem) => problem.includes("Docker")) ?? "no runtime is found";
  return [{ name: "containers", state: "limited", detail, hint }];
}

function runtimeCheck(
  runtime: string,
  { hasFiles, version, problem, lacksWithoutApi }: RuntimeStatus,
): Check | undefined {
  const name = "containers";
  if (version !== undefined) {
    const files = hasFiles ? "" : "; its files are not to be read: names come a moment later";
    return { name, state: "ok", detail: `${version}: ${runtime}${files}` };
  }
  if (!hasFiles) return undefined;
  if (lacksWithoutApi === undefined) return { name, state: "ok", detail: runtime };
  return {
    name,
    state: "limited",
    detail: `${runtime}, by its files alone: without ${lacksWithoutApi} (${problem ?? "not asked"})`,
    hint: "mount the folder of its socket, or start the service that listens there",
  };
}

function rules(): Check {
  try {
    const files = readRuleFiles([]);
    const result = loadRules(files, { fields: FIELDS, base: baseRules() });
    const errors = result.files.flatMap((file) => file.errors);
    const first = errors[0];
    if (first !== undefined)
      return {
        name: "rules",
        state: "missing",
        detail: first.message,
        hint: "saker rules check shows every error with its place",
      };
    return {
      name: "rules",
      state: "ok",
      detail: `${result.rules.length} rules in ${files.map((file) => file.name).join(", ")}`,
    };
  } catch (thrown) {
    return { name: "rules", state: "missing", detail: messageOf(thrown) };
  }
}
