import type { IncomingMessage } from "node:http";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { bytesUpTo } from "../lib/bytes-up-to.ts";
import { errnoOf } from "../lib/errno.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { at, entriesOf, listOf, textOf } from "./json-value.ts";

/** Where the API is, and who asks. */
export interface KubernetesApiOptions {
  /** `https://HOST:PORT`; empty for what Kubernetes tells a pod of by its environment. */
  readonly url: string;
  /** Whose pods are asked for. */
  readonly node: string;
  /** Files: the service account's token, and the authority that signs for the API (PEM). */
  readonly tokenFile: string;
  readonly caFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What is asked of Kubernetes: metadata of objects alone, by a service account that may list. */
export interface KubernetesApi {
  readonly url: string;
  readonly node: string;
  /** Each namespace's labels, by its name. Throws `PEER_KUBERNETES_…`, `PEER_PAUSED`. */
  namespaces(signal: AbortSignal): Promise<ReadonlyMap<string, Labels>>;
  /**
   * The owner of each pod of the node by the pod's uid, as `Deployment/shop`; empty for a pod that no
   * controller made. Throws `PEER_KUBERNETES_…`, `PEER_PAUSED`.
   */
  podOwners(signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}

type Labels = Readonly<Record<string, string>>;

/** What is listed, and the right that it takes. */
interface Resource {
  readonly name: "namespaces" | "pods";
  readonly query: Readonly<Record<string, string>>;
}

/**
 * The API of the cluster that this host is a node of. Token and authority are read for each call,
 * since both are renewed. A listing comes in pages; a page has CALL_MS and ANSWER_BYTES, a listing
 * PAGES_MAX and ENTRIES_MAX. Throws `CONFIG_KUBERNETES` where it is not known whom to ask.
 */
export function kubernetesApi(options: KubernetesApiOptions): KubernetesApi {
  const url = options.url === "" ? urlOfPod(options.environment) : options.url;
  const { node } = options;
  if (!/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(node))
    throw new AppError(
      "CONFIG_KUBERNETES",
      `Cannot ask the Kubernetes API for pods of node "${node}": no node has such a name`,
      { hint: "set kubernetes.node or NODE_NAME to what kubectl get nodes calls this host" },
    );
  const caller = { ...options, url };
  // In pages, since a cluster may have thousands and JSON is read in one go.
  const namespaces = listing(caller, { name: "namespaces", query: {} });
  // From the server's cache, which finds a node's pods without reading all others.
  const ofNode = { fieldSelector: `spec.nodeName=${node}`, resourceVersion: "0" };
  const pods = listing(caller, { name: "pods", query: ofNode });
  return {
    url,
    node,
    namespaces: async (signal) => {
      const items = await namespaces(signal);
      return new Map(items.map((item) => [textOf(at(item, "name")), labelsOf(item)]));
    },
    podOwners: async (signal) => {
      const items = await pods(signal);
      return new Map(items.flatMap((item) => uidsOf(item).map((uid) => [uid, ownerOf(item)])));
    },
  };
}

function urlOfPod(environment: KubernetesApiOptions["environment"]): string {
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = environment["KUBERNETES_SERVICE_PORT"] || "443";
  const url = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (host !== "" && URL.canParse(url)) return url;
  throw new AppError(
    "CONFIG_KUBERNETES",
    "Cannot ask the Kubernetes API: nothing says where it is",
    {
      hint: "set kubernetes.url: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which a pod has, are not there",
    },
  );
}

type Caller = Omit<KubernetesApiOptions, "environment">;

/** Asks for the metadata of all; after three failures nobody is asked for a while. */
function listing(
  caller: Caller,
  resource: Resource,
): (signal: AbortSignal) => Promise<readonly unknown[]> {
  const breaker = new CircuitBreaker(`the Kubernetes API at "${caller.url}"`, () =>
    performance.now(),
  );
  // A refusal is a failure, too: there is no use in asking again at once.
  return (signal) =>
    breaker.call(
      () => listed(caller, resource, signal),
      () => false,
    );
}

async function listed(
  caller: Caller,
  resource: Resource,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  let token = "";
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const search = new URLSearchParams({ ...resource.query, limit: String(PAGE_ENTRIES) });
    if (token !== "") search.set("continue", token);
    const body = await answer(caller, { resource, search: search.toString(), signal });
    items.push(...listOf(at(body, "items")).map((item) => at(item, "metadata")));
    if (items.length > ENTRIES_MAX)
      throw refused(caller, resource, "ANSWER", `there are more than ${ENTRIES_MAX}`);
    token = textOf(at(body, "metadata", "continue"));
    if (token === "") return items;
  }
  throw refused(caller, resource, "ANSWER", `it comes in more than ${PAGES_MAX} pages`);
}

interface Question {
  readonly resource: Resource;
  readonly search: string;
  readonly signal: AbortSignal;
}

async function answer(caller: Caller, { resource, search, signal }: Question): Promise<unknown> {
  const [token, ca] = await Promise.all([
    credential(caller.tokenFile, "token"),
    credential(caller.caFile, "authority"),
  ]);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
  const url = new URL(`/api/v1/${resource.name}?${search}`, caller.url);
  const headers = { accept: METADATA_ALONE, authorization: `Bearer ${token}` };
  let status: number;
  let body: Buffer;
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      process
        .getBuiltinModule("node:https")
        .request(url, { ca, headers, agent: false, signal: deadline })
        .on("response", resolve)
        .on("error", reject)
        .end();
    });
    status = response.statusCode ?? 0;
    body = await bytesUpTo(response, ANSWER_BYTES, () =>
      refused(caller, resource, "ANSWER", `the answer is longer than ${ANSWER_BYTES} bytes`),
    );
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw unreachable(caller, cause, deadline.aborted);
  }
  const parsed = parse(body.toString("utf8"));
  if (status !== 200) throw statusError(caller, resource, status, textOf(at(parsed, "message")));
  if (!Array.isArray(at(parsed, "items")))
    throw refused(caller, resource, "ANSWER", "the answer is no list");
  return parsed;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Links are followed: in a pod these files are links to what was renewed last. */
async function credential(path: string, what: string): Promise<string> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > CREDENTIAL_BYTES) throw new Error("it is no small file");
      const bytes = Buffer.alloc(stat.size);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      return bytes.toString("latin1", 0, bytesRead).trim();
    } finally {
      await file.close();
    }
  } catch (cause) {
    const state = errnoOf(cause) === "ENOENT" ? "there is no such file" : messageOf(cause);
    throw new AppError(
      "PEER_KUBERNETES_CREDENTIAL",
      `Cannot read the Kubernetes API's ${what} "${path}": ${state}`,
      { cause, hint: "the pod needs automountServiceAccountToken: true" },
    );
  }
}

function unreachable({ url }: Caller, cause: unknown, isLate: boolean): AppError {
  const errno = errnoOf(cause) ?? "";
  // Behind a semicolon Node gives advice on its own options.
  const [text] = messageOf(cause).split(";", 1);
  const failure = errno === "ECONNREFUSED" ? "nothing listens there" : text || errno;
  const state = isLate ? `no answer within ${CALL_MS} ms` : failure;
  return new AppError(
    "PEER_KUBERNETES_UNREACHABLE",
    `Cannot ask the Kubernetes API at "${url}": ${state}`,
    { cause, hint: "kubernetes.url says where it is, kubernetes.ca_file who signs for it" },
  );
}

function statusError(caller: Caller, resource: Resource, status: number, said: string): AppError {
  const text = said === "" ? "" : `: ${said.slice(0, SAID_MAX)}`;
  if (status === 401)
    return new AppError(
      "PEER_KUBERNETES_CREDENTIAL",
      `Cannot ask the Kubernetes API at "${caller.url}": it does not take the token (401)${text}`,
      { hint: `"${caller.tokenFile}" must hold a service account's token that is valid` },
    );
  if (status !== 403) return refused(caller, resource, "STATUS", `status ${status}${text}`);
  const missing = `the service account lacks the right to list ${resource.name} (403)${text}`;
  return refused(caller, resource, "FORBIDDEN", missing, "deploy/kubernetes-api has the role");
}

function refused(
  { url }: Caller,
  { name }: Resource,
  code: "ANSWER" | "STATUS" | "FORBIDDEN",
  state: string,
  hint?: string,
): AppError {
  const message = `Cannot list ${name} of the Kubernetes API at "${url}": ${state}`;
  return new AppError(`PEER_KUBERNETES_${code}`, message, { hint });
}

/** As many as have LABELS_LENGTH in all: who may label a namespace chooses them. */
function labelsOf(metadata: unknown): Labels {
  let length = 0;
  const labels = entriesOf(at(metadata, "labels")).flatMap(([name, value]) => {
    const text = textOf(value);
    length += name.length + text.length + 8;
    return length > LABELS_LENGTH ? [] : [[name, text] as const];
  });
  return Object.fromEntries(labels);
}

/** A static pod has another uid for its node's runtime than for the API, which notes it. */
function uidsOf(metadata: unknown): readonly string[] {
  const ofNode = textOf(at(metadata, "annotations", "kubernetes.io/config.mirror"));
  return [textOf(at(metadata, "uid")), ofNode].filter((uid) => uid !== "");
}

/** By the reference to its controller; the replica set of a deployment has the hash in its name. */
function ownerOf(metadata: unknown): string {
  const owner = listOf(at(metadata, "ownerReferences")).find(
    (reference) => at(reference, "controller") === true,
  );
  const kind = textOf(at(owner, "kind")).slice(0, NAME_MAX);
  const name = textOf(at(owner, "name")).slice(0, NAME_MAX);
  if (kind === "" || name === "") return "";
  const hash = textOf(at(metadata, "labels", "pod-template-hash"));
  const isOfDeployment = kind === "ReplicaSet" && hash !== "" && name.endsWith(`-${hash}`);
  return isOfDeployment
    ? `Deployment/${name.slice(0, name.length - hash.length - 1)}`
    : `${kind}/${name}`;
}

/** Kubernetes' API concepts, "Metadata-only fetches"; servers that know no such answer give the whole. */
const METADATA_ALONE =
  "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const CALL_MS = 3000;
const ANSWER_BYTES = 8 << 20;
const PAGE_ENTRIES = 500;
const PAGES_MAX = 100;
const ENTRIES_MAX = 20_000;
const CREDENTIAL_BYTES = 1 << 20;
const LABELS_LENGTH = 32 << 10;
const NAME_MAX = 253;
const SAID_MAX = 300;
