import type { ConfigNode } from "./config-node.ts";
import type { Key, ValueOf } from "./key.ts";
import { KEYS } from "./keys.ts";
import { ANYTHING, PLUGINS, SECTION } from "./value-type.ts";

/** A key without an effect, and the reason. */
export type OtherKey = Key<ConfigNode | undefined>;

/** Keys of Falco's that only tune its own machinery: nothing is lost without them. */
export function neutral(
  reason: string,
  names: readonly string[],
  type: OtherKey["type"] = ANYTHING,
): readonly OtherKey[] {
  return names.map((name) => ({ name, type, default: undefined, doc: "", neutral: reason }));
}

type When = (value: ConfigNode, valueOf: ValueOf) => boolean;

/** Keys by which Falco does what Saker does not, reported once a topic when they are set. */
export function unsupported(
  topic: string,
  reason: string,
  names: Readonly<Record<string, When>>,
): readonly OtherKey[] {
  return Object.entries(names).map(([name, when]) => ({
    name,
    type: ANYTHING,
    default: undefined,
    doc: "",
    unsupported: {
      topic,
      reason,
      when: (value, valueOf) => value !== undefined && when(value, valueOf),
    },
  }));
}

/** A scalar's text. */
export const textOf = (node: ConfigNode): string | undefined =>
  node.kind === "scalar" ? (node.text ?? undefined) : undefined;
/** A flag that is set. */
export const isOn = (node: ConfigNode): boolean =>
  ["true", "yes", "on", "y"].includes(textOf(node)?.toLowerCase() ?? "");
/** Another text than the default. */
export const isOther =
  (byDefault: string): When =>
  (node) =>
    textOf(node)?.trim() !== byDefault;
const isStated = (node: ConfigNode): boolean => node.kind !== "list" || node.items.length > 0;
const isOnWithMetrics: When = (node, valueOf) => isOn(node) && valueOf(KEYS.metricsEnabled);
const never = (): boolean => false;

/** Saker knows containers by itself; these plug-ins are all it can stand for. */
const BUILT_IN_PLUGINS: readonly string[] = ["container", "json"];

const isBuiltIn = (name: ConfigNode | undefined): boolean => {
  const text = name === undefined ? undefined : textOf(name);
  return text === undefined || BUILT_IN_PLUGINS.includes(text);
};

const NO_PLUGINS = {
  topic: "plug-ins",
  reason: "Saker loads none, so rules of their sources are not evaluated",
};

const LOAD_PLUGINS: OtherKey = {
  name: "load_plugins",
  type: ANYTHING,
  default: undefined,
  doc: "",
  unsupported: {
    ...NO_PLUGINS,
    when: (node) => node?.kind === "list" && node.items.some((item) => !isBuiltIn(item)),
  },
};

/** Runtimes are looked for at these places anyway, of the host where that is mounted at `/host`. */
const USUAL_SOCKETS =
  /^(?:\/host)?(?:\/var)?\/run\/(?:docker\.sock|podman\/podman\.sock|(?:k3s\/|host-)?containerd\/containerd\.sock|crio\/crio\.sock)$/;
const isUnusualSocket = (node: ConfigNode): boolean => !USUAL_SOCKETS.test(textOf(node) ?? "");

/** An engine that is switched off, or asked at a place of its own. */
const choosesEngines = (node: ConfigNode): boolean =>
  node.kind === "map" &&
  [...node.entries].some(([name, { value }]) => {
    if (name === "sockets") return value.kind === "list" && value.items.some(isUnusualSocket);
    if (name === "enabled") return !isOn(value);
    return choosesEngines(value);
  });

/** Every key of Falco's schema that has no effect in Saker, with the reason. */
export const OTHER_KEYS: readonly OtherKey[] = [
  ...neutral("Saker's probe sizes its buffers by itself", [
    "engine.modern_ebpf.cpus_for_each_buffer",
    "engine.modern_ebpf.disable_iterators",
    "modern_bpf.cpus_for_each_syscall_buffer",
  ]),
  ...unsupported(
    "drop_failed_exit",
    "failed calls that a rule matches give alerts; those that none asks for are left in the kernel anyway",
    {
      "engine.modern_ebpf.drop_failed_exit": isOn,
      "engine.kmod.drop_failed_exit": isOn,
      "engine.ebpf.drop_failed_exit": isOn,
      syscall_drop_failed_exit: isOn,
    },
  ),
  ...neutral("Saker's own probe takes the place of Falco's drivers", ["engine.gvisor"], SECTION),
  ...neutral("Saker's own probe takes the place of Falco's drivers", ["engine.ebpf.probe"]),
  ...neutral("Falco itself limits alerts by it no more", ["outputs"], SECTION),
  ...neutral("Saker asks the runtimes, not Kubernetes", ["metadata_download"], SECTION),
  ...unsupported("rule_files", "Falco's schema has it, but Falco, too, reads rules_files alone", {
    rule_files: isStated,
  }),
  ...neutral("lines are written at once, in batches when there are many", ["buffered_outputs"]),
  ...neutral("Saker's own log has one level, log_level", ["libs_logger"], SECTION),
  ...neutral("Saker waits for the ring without a time-out", ["syscall_event_timeouts"], SECTION),
  ...unsupported(
    "syscall_event_drops.max_burst",
    "losses are reported at the rate, never at once",
    { "syscall_event_drops.max_burst": isOther("1") },
  ),
  ...unsupported("falco_libs.snaplen", "of data that calls read and write 80 bytes are kept", {
    "falco_libs.snaplen": isOther("80"),
  }),
  ...unsupported(
    "falco_libs.thread_table_size",
    "Saker's table is one of processes and bounded by itself; who has no room is looked up in /proc, and counted",
    { "falco_libs.thread_table_size": isOther("262144") },
  ),
  ...neutral("processes are forgotten when they end", [
    "falco_libs.thread_table_auto_purging_interval_s",
    "falco_libs.thread_table_auto_purging_thread_timeout_s",
  ]),
  ...unsupported(
    "container_engines",
    "every runtime that is found is asked; DOCKER_HOST, CONTAINERD_ADDRESS and CONTAINER_HOST in the environment name other sockets",
    { container_engines: choosesEngines },
  ),
  ...neutral("plug-ins that are not loaded do nothing", ["plugins_hostinfo"]),
  LOAD_PLUGINS,
  {
    ...LOAD_PLUGINS,
    name: "plugins",
    type: PLUGINS,
    // Without `load_plugins` Falco loads all of them.
    unsupported: {
      ...NO_PLUGINS,
      when: (node, valueOf) =>
        valueOf(LOAD_PLUGINS) === undefined &&
        node?.kind === "list" &&
        node.items.some(
          (item) => !isBuiltIn(item.kind === "map" ? item.entries.get("name")?.value : undefined),
        ),
    },
  },
  ...unsupported("gRPC", "Saker has no gRPC server; Falco itself has none since 0.44", {
    "grpc.enabled": isOn,
    "grpc_output.enabled": isOn,
    grpc: never,
    grpc_output: never,
  }),
  ...neutral("one thread answers all", ["webserver.threadiness"]),
  ...neutral("Falco itself takes audit events of Kubernetes by a plug-in", [
    "webserver.k8s_audit_endpoint",
  ]),
  ...unsupported("metrics of Falco's own parts", "Saker has no such parts, or counts them in one", {
    "metrics.kernel_event_counters_per_cpu_enabled": isOnWithMetrics,
    "metrics.kernel_iter_event_counters_enabled": isOnWithMetrics,
    "metrics.libbpf_stats_enabled": isOnWithMetrics,
    "metrics.jemalloc_stats_enabled": isOnWithMetrics,
    "metrics.plugins_metrics_enabled": isOnWithMetrics,
  }),
  ...unsupported("syscall_event_drops.simulate_drops", "Saker simulates no losses", {
    "syscall_event_drops.simulate_drops": isOn,
  }),
];
