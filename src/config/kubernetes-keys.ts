import { defineKey as key } from "./key.ts";
import { FLAG, TEXT, type ValueType } from "./value-type.ts";

/** An address that credentials may be sent to; empty for none. */
const HTTPS_URL: ValueType<string> = {
  ...TEXT,
  name: "address of https",
  read: (node, fail) => {
    const text = TEXT.read(node, fail);
    if (text === "" || (/^https:\/\//i.test(text) && URL.canParse(text))) return text;
    return fail("must be an address of https, as https://HOST:PORT", node);
  },
};

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Saker's own `kubernetes`: whether and how its API is asked. */
export const KUBERNETES_KEYS = {
  kubernetesApi: key("kubernetes.api", FLAG, {
    default: false,
    doc: "Saker's own: the Kubernetes API is asked for labels of namespaces (`k8s.ns.label`, `k8s.ns.labels`) and for what this node's pods belong to (`saker.pod.owner`), every half a minute and when a pod is new.",
  }),
  kubernetesNode: key("kubernetes.node", TEXT, {
    default: "",
    doc: "Saker's own: this node's name there; empty for that in NODE_NAME, else this host's.",
  }),
  kubernetesUrl: key("kubernetes.url", HTTPS_URL, {
    default: "",
    doc: "Saker's own: `https://HOST:PORT` of the API; empty for where Kubernetes tells a pod that it is.",
  }),
  kubernetesTokenFile: key("kubernetes.token_file", TEXT, {
    default: `${ACCOUNT}/token`,
    doc: "Saker's own: the service account's token, read anew for each question.",
  }),
  kubernetesCaFile: key("kubernetes.ca_file", TEXT, {
    default: `${ACCOUNT}/ca.crt`,
    doc: "Saker's own: the authority that signs for the API (PEM), read anew, too.",
  }),
} as const;
