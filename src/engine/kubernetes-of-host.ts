import type { KubernetesSettings } from "../config/settings.ts";
import type { Container } from "../containers/container.ts";
import { type KubernetesApi, kubernetesApi } from "../containers/kubernetes-api.ts";
import { KubernetesFacts } from "../containers/kubernetes-facts.ts";
import type { NewsBody } from "../news/news.ts";
import type { WatchOptions } from "./watch-options.ts";

/**
 * The Kubernetes API for the pods of this host: the node's name is that of the settings, else
 * NODE_NAME, else what alerts call this host. Throws `CONFIG_KUBERNETES`.
 */
export function kubernetesApiOfHost(
  settings: KubernetesSettings,
  { environment, hostname }: Pick<WatchOptions, "environment" | "hostname">,
): KubernetesApi {
  const node = settings.node ?? (environment["NODE_NAME"] || hostname.toLowerCase());
  return kubernetesApi({ ...settings, node, environment });
}

/** What that API says of this host's pods; undefined where it is not to be asked. Throws as above. */
export function kubernetesOfHost(
  options: Pick<WatchOptions, "settings" | "environment" | "hostname">,
  around: {
    readonly publish: (body: NewsBody) => void;
    readonly containers: () => Iterable<Container>;
  },
): KubernetesFacts | undefined {
  const { kubernetes: settings } = options.settings;
  if (settings === undefined) return undefined;
  const facts = new KubernetesFacts({
    api: kubernetesApiOfHost(settings, options),
    onProblem: (text) => around.publish({ kind: "problem", text }),
    onNote: (text) => around.publish({ kind: "note", text }),
    onLearned: () => facts.addToAll(around.containers()),
  });
  return facts;
}
