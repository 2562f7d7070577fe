import type { ContainerMetadata, ContainerMount, ContainerPod } from "./container.ts";
import { at, entriesOf, listOf, textOf, textsOf } from "./json-value.ts";
import { metadataOf } from "./metadata.ts";
import { nanoseconds } from "./docker-inspect.ts";

/** A container's config.json (OCI runtime specification): what runc is given to make it. */
export interface OciSpec {
  /** `linux.cgroupsPath`, as written. */
  readonly cgroupsPath: string;
  readonly annotations: ReadonlyMap<string, string>;
  /** Without name and image where no annotation has them. */
  readonly metadata: ContainerMetadata;
}

/** Reads it. Missing keys become empty values; nothing throws. Undefined for what is none. */
export function parseOciSpec(json: unknown): OciSpec | undefined {
  if (textOf(at(json, "ociVersion")) === "") return undefined;
  const annotations = new Map(
    entriesOf(at(json, "annotations")).map(([name, value]) => [name, textOf(value)]),
  );
  const namespaces = listOf(at(json, "linux", "namespaces")).map((one) => textOf(at(one, "type")));
  const shares = (namespace: string): boolean =>
    namespaces.length > 0 && !namespaces.includes(namespace);
  const metadata = metadataOf({
    ...named(annotations),
    labels: labelsOf(annotations),
    env: textsOf(at(json, "process", "env")),
    command: textsOf(at(json, "process", "args")),
    mounts: listOf(at(json, "mounts")).flatMap(bindMount),
    privileged: isPrivileged(json, annotations),
    hostNetwork: shares("network"),
    hostPid: shares("pid"),
    hostIpc: shares("ipc"),
    createdAt: nanoseconds(annotations.get("io.kubernetes.cri-o.Created") ?? ""),
    pod: podOf(annotations),
  });
  return { cgroupsPath: textOf(at(json, "linux", "cgroupsPath")), annotations, metadata };
}

type Annotations = ReadonlyMap<string, string>;

function named(annotations: Annotations): Pick<ContainerMetadata, "name" | "image"> {
  const first = (...names: readonly string[]): string =>
    names.map((name) => annotations.get(name) ?? "").find((value) => value !== "") ?? "";
  return {
    name: isSandbox(annotations)
      ? first(`${CRI}.sandbox-name`, `${CRIO}.KubeName`)
      : first(`${CRI}.container-name`, "io.kubernetes.container.name", "nerdctl/name"),
    image: first(`${CRI}.image-name`, `${CRIO}.ImageName`, `${CRIO}.Image`),
  };
}

function isSandbox(annotations: Annotations): boolean {
  return [`${CRI}.container-type`, `${CRIO}.ContainerType`].some(
    (name) => annotations.get(name) === "sandbox",
  );
}

/** CRI-O writes its labels as JSON; nerdctl and ctr write them among the annotations. */
function labelsOf(annotations: Annotations): Readonly<Record<string, string>> {
  const json = annotations.get(`${CRIO}.Labels`);
  if (json !== undefined) return recordOf(json);
  return Object.fromEntries([...annotations].filter(([name]) => !OF_RUNTIMES.test(name)));
}

function recordOf(text: string): Readonly<Record<string, string>> {
  try {
    return Object.fromEntries(
      entriesOf(JSON.parse(text)).map(([name, value]) => [name, textOf(value)]),
    );
  } catch {
    return {};
  }
}

function podOf(annotations: Annotations): ContainerPod | undefined {
  const first = (...names: readonly string[]): string =>
    names.map((name) => annotations.get(name) ?? "").find((value) => value !== "") ?? "";
  const sandboxId = first(`${CRI}.sandbox-id`, `${CRIO}.SandboxID`);
  const name = first(`${CRI}.sandbox-name`, "io.kubernetes.pod.name", `${CRIO}.KubeName`);
  if (sandboxId === "" && name === "") return undefined;
  const json = annotations.get(`${CRIO}.Labels`);
  return {
    name,
    namespace: first(
      `${CRI}.sandbox-namespace`,
      "io.kubernetes.pod.namespace",
      `${CRIO}.Namespace`,
    ),
    uid: first(`${CRI}.sandbox-uid`, "io.kubernetes.pod.uid"),
    sandboxId,
    labels: isSandbox(annotations) && json !== undefined ? recordOf(json) : undefined,
    ip: annotations.get(`${CRIO}.IP.0`) ?? "",
  };
}

/** What the container sees of the host; its own /proc, /dev and such are no mounts to a user. */
function bindMount(mount: unknown): ContainerMount[] {
  const options = textsOf(at(mount, "options"));
  if (!options.includes("bind") && !options.includes("rbind")) return [];
  return [
    {
      source: textOf(at(mount, "source")),
      destination: textOf(at(mount, "destination")),
      mode: "",
      writable: !options.includes("ro"),
      propagation: options.find((option) => PROPAGATION.test(option)) ?? "",
    },
  ];
}

/**
 * Two runtimes note it. Of the others it shows by what it means: every device, and nothing of
 * /proc and /sys hidden.
 */
function isPrivileged(json: unknown, annotations: Annotations): boolean {
  const noted =
    annotations.get("io.podman.annotations.privileged") ??
    annotations.get(`${CRIO}.PrivilegedRuntime`);
  if (noted !== undefined) return noted.toLowerCase() === "true";
  const everyDevice = listOf(at(json, "linux", "resources", "devices")).some(
    (rule) =>
      at(rule, "allow") === true &&
      textOf(at(rule, "access")) === "rwm" &&
      ["", "a"].includes(textOf(at(rule, "type"))) &&
      at(rule, "major") === undefined,
  );
  return everyDevice && listOf(at(json, "linux", "maskedPaths")).length === 0;
}

const CRI = "io.kubernetes.cri";
const CRIO = "io.kubernetes.cri-o";
const OF_RUNTIMES =
  /^(?:io\.kubernetes\.(?:cri|cri-o)\.|io\.podman\.|io\.container\.manager$|org\.opencontainers\.image\.stopSignal$|nerdctl\/)/;
const PROPAGATION = /^r?(?:private|shared|slave|unbindable)$/;
