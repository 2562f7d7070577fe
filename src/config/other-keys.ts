import type { Key } from "./key.ts";
import { ANYTHING, IP_ADDRESS, PLUGINS, SECTION } from "./value-type.ts";
import type { ConfigNode } from "./config-node.ts";

type OtherKey = Key<ConfigNode | undefined>;

/** Keys of Falco's that only tune its own machinery: nothing is lost without them. */
function neutral(
  reason: string,
  names: readonly string[],
  type: OtherKey["type"] = ANYTHING,
): readonly OtherKey[] {
  return names.map((name) => ({ name, type, default: undefined, doc: "", neutral: reason }));
}

/** Keys by which Falco does what Saker does not, reported once a topic when they are set. */
function unsupported(
  topic: string,
  reason: string,
  names: Readonly<Record<string, (value: ConfigNode) => boolean>>,
): readonly OtherKey[] {
  return Object.entries(names).map(([name, when]) => ({
    name,
    type: ANYTHING,
    default: undefined,
    doc: "",
    unsupported: { topic, reason, when: (value) => value !== undefined && when(value) },
  }));
}

const isOn = (node: ConfigNode): boolean =>
  node.kind === "scalar" && ["true", "yes", "on", "y"].includes(node.text?.toLowerCase() ?? "");
const never = (): boolean => false;

/** Saker knows containers by itself; these plug-ins are all it can stand for. */
const BUILT_IN_PLUGINS: readonly string[] = ["container", "json"];

const loadsPlugins = (node: ConfigNode): boolean =>
  node.kind === "list" &&
  node.items.some(
    (item) => item.kind === "scalar" && item.text !== null && !BUILT_IN_PLUGINS.includes(item.text),
  );

/** Every key of Falco's schema that has no effect in Saker, with the reason. */
export const OTHER_KEYS: readonly OtherKey[] = [
  ...neutral("Saker's probe sizes its buffers by itself", [
    "engine.modern_ebpf.cpus_for_each_buffer",
    "engine.modern_ebpf.disable_iterators",
    "syscall_buf_size_preset",
    "modern_bpf.cpus_for_each_syscall_buffer",
  ]),
  ...neutral("failed calls that no rule asks for are left in the kernel anyway", [
    "engine.modern_ebpf.drop_failed_exit",
    "syscall_drop_failed_exit",
  ]),
  ...neutral(
    "Saker's own probe takes the place of Falco's drivers",
    ["engine.kmod", "engine.ebpf", "engine.gvisor", "engine.replay"],
    SECTION,
  ),
  ...neutral("Falco itself limits alerts by it no more", ["outputs"], SECTION),
  ...neutral("Saker asks the runtimes, not Kubernetes", ["metadata_download"], SECTION),
  ...neutral("Falco's schema has it, Falco itself reads rules_files", ["rule_files"]),
  ...neutral("lines are written at once, in batches when there are many", ["buffered_outputs"]),
  ...neutral("Saker's own log has one level, log_level", ["libs_logger"], SECTION),
  ...neutral("Saker waits for the ring without a time-out", ["syscall_event_timeouts"], SECTION),
  ...neutral("losses are reported once, then at the rate", ["syscall_event_drops.max_burst"]),
  ...neutral("Saker bounds its tables by itself", ["falco_libs"], SECTION),
  ...neutral("every runtime whose socket is found is asked", ["container_engines"], SECTION),
  ...neutral("plug-ins that are not loaded do nothing", ["plugins_hostinfo"]),
  ...neutral("plug-ins that are not loaded do nothing", ["plugins"], PLUGINS),
  ...unsupported("plug-ins", "Saker loads none, so rules of their sources are not evaluated", {
    load_plugins: loadsPlugins,
  }),
  ...unsupported("gRPC", "Saker has no gRPC server; Falco itself has none since 0.44", {
    "grpc.enabled": isOn,
    "grpc_output.enabled": isOn,
    grpc: never,
    grpc_output: never,
  }),
  ...unsupported(
    "webserver",
    "Saker answers /healthz, /versions and /metrics at web.address and web.port",
    { "webserver.enabled": isOn, webserver: never },
  ),
  ...neutral("the page listens at web.address", ["webserver.listen_address"], IP_ADDRESS),
  ...unsupported("metrics", "Saker writes none of Falco's metrics; --stats shows its own", {
    "metrics.enabled": isOn,
    metrics: never,
  }),
  ...unsupported("buffer_format_base64", "buffers stand in alerts as text", {
    buffer_format_base64: isOn,
  }),
  ...unsupported("syscall_event_drops.simulate_drops", "Saker simulates no losses", {
    "syscall_event_drops.simulate_drops": isOn,
  }),
];
