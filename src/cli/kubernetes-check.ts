import { hostNameOf } from "../config/host-name.ts";
import type { KubernetesSettings } from "../config/settings.ts";
import { kubernetesApiOfHost } from "../engine/kubernetes-of-host.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import type { Check } from "./doctor.ts";

/** Whether the Kubernetes API tells what it is asked for. */
export async function kubernetesCheck(settings: KubernetesSettings): Promise<Check> {
  const name = "kubernetes";
  const { signal } = new AbortController();
  try {
    const hostname = hostNameOf(process.env);
    const api = kubernetesApiOfHost(settings, { environment: process.env, hostname });
    const [namespaces, pods] = await Promise.all([api.namespaces(signal), api.podOwners(signal)]);
    const detail = `${api.url}: ${namespaces.size} namespaces, ${pods.size} pods of node ${api.node}`;
    if (pods.size > 0) return { name, state: "ok", detail };
    const hint = `is "${api.node}" what kubectl get nodes calls this host? kubernetes.node or NODE_NAME says another`;
    return { name, state: "limited", detail, hint };
  } catch (thrown) {
    const { code, hint } = thrown instanceof AppError ? thrown : UNKNOWN;
    // What the watch would refuse, too.
    const state = code.startsWith("CONFIG_") ? "missing" : "limited";
    const check = { name, state, detail: messageOf(thrown) } as const;
    return hint === undefined ? check : { ...check, hint };
  }
}

const UNKNOWN = { code: "", hint: undefined } as const;
