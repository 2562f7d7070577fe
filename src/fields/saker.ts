import type { ContainerMetadata } from "../containers/container.ts";
import { CONTEXT, RECORD_FLAGS } from "../events/record.ts";
import { ipText } from "../lib/ip-text.ts";
import type { Process } from "../state/process.ts";
import type { Scene } from "../state/scene.ts";
import { fileNameOf } from "../state/path.ts";
import { fieldsOf } from "./_define.ts";
import type { Field } from "./field.ts";
import { otherPath } from "./fs-path.ts";
import { podOwner } from "./k8s.ts";
import { ancestor } from "./process.ts";

const { plain } = fieldsOf("saker");

/** `saker.*`: what Falco does not ask, and Saker's own rules do. */
export const SAKER_FIELDS: readonly Field[] = [
  plain(
    "saker.container.is_entrypoint",
    "BOOL",
    "True for the program that the container was made to start, and for its own workers",
    isEntrypoint,
    { metadata: true },
  ),
  plain(
    "saker.pod.owner",
    "CHARBUF",
    "What the pod belongs to, such as Deployment/shop, from the pod's name and labels, or by the Kubernetes API where `kubernetes.api` is on",
    podOwner,
    { metadata: true },
  ),
  plain(
    "saker.port.is_declared",
    "BOOL",
    "True when the image declares, or the container publishes, the port that the socket's server end has",
    isDeclared,
    { metadata: true },
  ),
  plain(
    "saker.container.has_declared_ports",
    "BOOL",
    "True when the image declares, or the container publishes, any port at all",
    (scene) => {
      const ports = scene.container?.metadata?.ports;
      return ports === undefined ? undefined : ports.length > 0;
    },
    { metadata: true },
  ),
  plain(
    "saker.port.was_open",
    "BOOL",
    "True for a port that listened already when Saker started",
    (scene) =>
      scene.event.context < 0
        ? undefined
        : (scene.event.contextU32(CONTEXT.flags) & RECORD_FLAGS.FOUND_AT_START) !== 0,
  ),
  plain(
    "saker.is_io_uring",
    "BOOL",
    "True when no system call did it but a request of io_uring",
    (scene) =>
      scene.event.context < 0
        ? undefined
        : (scene.event.contextU32(CONTEXT.flags) & RECORD_FLAGS.IO_URING) !== 0,
  ),
  plain(
    "saker.fd.other_name",
    "CHARBUF",
    "Where an open led to another path than it was given (links, mounts, chroot): the one that is not fd.name",
    (scene) => scene.otherName,
  ),
  plain(
    "saker.fd.is_resolved",
    "BOOL",
    "True when the rule matched by where the paths led, which fd.name, fs.path.*, evt.arg and proc.exepath then show, and not by what was passed",
    (scene) => scene.isResolved,
  ),
  plain(
    "saker.fs.is_unknown",
    "BOOL",
    "True when the rule matched because a path was too long or deep to be told whole, so that it might be what the rule asks for",
    (scene) => scene.isDoubtful,
  ),
  plain(
    "saker.fs.other_name",
    "CHARBUF",
    "Where a path of a call without a descriptor (unlink, mkdir, chmod, …) led elsewhere than its words say: the one of both that is not fs.path.name",
    (scene) => otherPath(scene, "name"),
  ),
  plain(
    "saker.fs.other_source",
    "CHARBUF",
    "The same for fs.path.source of a rename or link",
    (scene) => otherPath(scene, "source"),
  ),
  plain("saker.fs.other_target", "CHARBUF", "The same for fs.path.target", (scene) =>
    otherPath(scene, "target"),
  ),
  plain(
    "saker.proc.is_from_container",
    "BOOL",
    "True for a program that was started in another mount namespace than the host's, whose files are the container's to choose; missing where that is not known (captures)",
    isFromContainer,
  ),
  plain(
    "saker.proc.has_own_name",
    "BOOL",
    "True when proc.name is the name of the executable, and not one that the process gave itself or that a link or script has",
    hasOwnName,
  ),
  plain(
    "saker.proc.named_file",
    "CHARBUF",
    "Of a program that starts: the path of the file that was named, links resolved; of a script its own and not its interpreter's",
    (scene) => (scene.event.type?.name === "execve" ? scene.event.resolved : undefined),
  ),
  plain(
    "saker.connection.is_kubernetes_api",
    "BOOL",
    "True for a connection to the API server that Kubernetes told the container of",
    isKubernetesApi,
    { metadata: true },
  ),
  plain(
    "saker.matches",
    "UINT64",
    "In alerts of a count or sequence: how many matches it is made of, the last one included",
    (scene) => scene.correlated?.matches,
    { printOnly: true },
  ),
  plain(
    "saker.span",
    "RELTIME",
    "In alerts of a count or sequence: the time from the first of these matches to the last",
    (scene) => scene.correlated?.spanNs,
    { printOnly: true },
  ),
];

/** Programs that start what a container is for, and look after it. */
const WRAPPERS: ReadonlySet<string> = new Set([
  "tini",
  "dumb-init",
  "docker-init",
  "catatonit",
  "s6-svscan",
  "s6-supervise",
  "supervisord",
  "runsv",
  "runsvdir",
  "pid1",
  "sh",
  "bash",
  "dash",
  "ash",
]);

function isEntrypoint(scene: Scene): boolean | undefined {
  const metadata = scene.container?.metadata;
  const process = scene.process;
  if (metadata === undefined || process === undefined) return undefined;
  if (isStarted(process, metadata)) return true;
  // A worker that the program forked, and what an init program started.
  const parent = ancestor(scene, 1);
  if (parent === undefined || !isStarted(parent, metadata)) return false;
  return parent.exepath === process.exepath || (parent.vpid === 1 && WRAPPERS.has(parent.comm));
}

/**
 * The container's first process, or one whose program stands in the command that the container was
 * made with.
 */
function isStarted(process: Process, { command }: ContainerMetadata): boolean {
  if (process.vpid === 1) return true;
  const names = command.map(fileNameOf);
  return (
    names.includes(process.comm) ||
    names.includes(fileNameOf(process.exepath)) ||
    names.includes(fileNameOf(process.exe))
  );
}

function isFromContainer({ process, processes }: Scene): boolean | undefined {
  const host = hostMountNamespace(processes);
  const own = process?.programMountNamespace ?? 0;
  return host === 0 || own === 0 ? undefined : own !== host;
}

/** 0 where it is not known. Who may read memory may not always ask init; kthreadd has the same. */
function hostMountNamespace(processes: Scene["processes"]): number {
  const init = processes.get(1)?.programMountNamespace ?? 0;
  if (init !== 0) return init;
  const second = processes.get(2);
  const isKernelThread = second?.ppid === 0 && second.comm === "kthreadd" && second.exepath === "";
  return isKernelThread ? second.programMountNamespace : 0;
}

function hasOwnName({ process }: Scene): boolean | undefined {
  if (process === undefined || process.exepath === "") return undefined;
  return fileNameOf(process.exepath).slice(0, MAX_NAME) === process.comm;
}

/** The kernel's names of threads have so many characters at most. */
const MAX_NAME = 15;

function isDeclared(scene: Scene): boolean | undefined {
  const ports = scene.container?.metadata?.ports;
  const server = scene.descriptor?.server;
  return ports === undefined || server === undefined
    ? undefined
    : ports.some(({ port }) => port === server.port);
}

function isKubernetesApi(scene: Scene): boolean | undefined {
  const env = scene.container?.metadata?.env;
  const server = scene.descriptor?.server;
  if (env === undefined || server === undefined) return undefined;
  const variable = (name: string): string | undefined =>
    env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  return (
    variable("KUBERNETES_SERVICE_HOST") === ipText(server.address) &&
    Number(variable("KUBERNETES_SERVICE_PORT") ?? "443") === server.port
  );
}
