import assert from "node:assert/strict";
import { test } from "node:test";
import { container, scene } from "../../test/fixtures/scenes.ts";
import type { Container, PodFacts } from "../containers/container.ts";
import { FIELDS } from "./registry.ts";

const ID = "5".repeat(64);
const POD = {
  "io.kubernetes.pod.name": "web-0",
  "io.kubernetes.pod.namespace": "shop",
  "io.kubernetes.pod.uid": "u-1",
};
const SANDBOX_LABELS = {
  ...POD,
  "io.kubernetes.docker.type": "podsandbox",
  app: "web",
  canary: "",
  "annotation.note": "no label",
};
const sandbox: Container = {
  ...container("k8s_POD_web-0", { labels: SANDBOX_LABELS, ip: "10.1.2.3" }),
  fullId: ID,
};
const web = container("k8s_web_web-0", {
  labels: { ...POD, "io.kubernetes.sandbox.id": ID, app: "of the image" },
});

const OF_POD = {
  "k8s.pod.name": "web-0",
  "k8s.ns.name": "shop",
  "k8s.pod.uid": "u-1",
  "k8s.pod.sandbox_id": "555555555555",
  "k8s.pod.full_sandbox_id": ID,
};
const OF_SANDBOX = {
  "k8s.pod.ip": "10.1.2.3",
  "k8s.pod.labels": "app:web, canary",
  "k8s.pod.label": "web",
};
const NO_SANDBOX = {
  "k8s.pod.ip": undefined,
  "k8s.pod.labels": undefined,
  "k8s.pod.label": undefined,
};
const NO_POD = {
  "k8s.pod.name": undefined,
  "k8s.pod.sandbox_id": undefined,
  "k8s.pod.full_sandbox_id": undefined,
  ...NO_SANDBOX,
};

const CASES: readonly (readonly [
  what: string,
  one: Container | undefined,
  others: readonly Container[],
  expected: object,
])[] = [
  ["a container whose sandbox is known", web, [sandbox], { ...OF_POD, ...OF_SANDBOX }],
  ["a container whose sandbox is not known", web, [], { ...OF_POD, ...NO_SANDBOX }],
  ["the sandbox itself", sandbox, [], { ...OF_POD, ...OF_SANDBOX }],
  [
    "a container without a pod, whose labels are not a pod's",
    container("web", { labels: { app: "web" }, ip: "10.9.9.9" }),
    [sandbox],
    NO_POD,
  ],
  [
    "a container whose runtime says all of the pod itself",
    container("web", {
      pod: {
        name: "web-0",
        namespace: "shop",
        uid: "u-1",
        sandboxId: ID,
        labels: { app: "web", canary: "" },
        ip: "10.1.2.3",
      },
    }),
    [],
    { ...OF_POD, ...OF_SANDBOX },
  ],
  ["the host", undefined, [sandbox], NO_POD],
];
for (const [what, one, others, expected] of CASES) {
  test(`k8s.pod.… of ${what}`, () => {
    const shown = scene("chdir", { res: 0 }, { container: one, containers: others });
    const read = (name: string) =>
      FIELDS.get(name)?.bind?.(name === "k8s.pod.label" ? "app" : undefined)?.(shown);
    assert.deepEqual(
      Object.fromEntries(Object.keys(expected).map((name) => [name, read(name)])),
      expected,
    );
  });
}

test("saker.pod.owner is what Kubernetes' controllers noted on the pod", () => {
  const ownerOf = (name: string, labels: Readonly<Record<string, string>>): unknown => {
    const pod = { name, namespace: "shop", uid: "", sandboxId: ID, labels, ip: "" };
    const shown = scene("chdir", { res: 0 }, { container: container("web", { pod }) });
    return FIELDS.get("saker.pod.owner")?.bind?.(undefined)?.(shown);
  };
  const cases: [name: string, labels: Readonly<Record<string, string>>, owner: unknown][] = [
    ["shop-web-5d9f7c6b8-x2x4z", { "pod-template-hash": "5d9f7c6b8" }, "Deployment/shop-web"],
    ["renamed", { "pod-template-hash": "5d9f7c6b8" }, undefined],
    [
      "db-0",
      { "statefulset.kubernetes.io/pod-name": "db-0", "controller-revision-hash": "x" },
      "StatefulSet/db",
    ],
    ["agent-x2x4z", { "controller-revision-hash": "77" }, "DaemonSet/agent"],
    ["backup-28001-abcde", { "job-name": "backup-28001" }, "Job/backup-28001"],
    ["bare", {}, undefined],
    ["", { "controller-revision-hash": "77" }, undefined],
  ];
  for (const [name, labels, owner] of cases) assert.equal(ownerOf(name, labels), owner, name);
});

test("k8s.ns.label and saker.pod.owner are what the Kubernetes API says", () => {
  const pod = {
    name: "shop-5d9-x2x4z",
    namespace: "shop",
    uid: "u-1",
    sandboxId: ID,
    labels: { "pod-template-hash": "5d9" },
    ip: "",
  };
  const namespaceLabels = { team: "blue", "annotation.x": "1", canary: "" };
  const read = (name: string, podFacts: PodFacts | undefined, argument?: string): unknown => {
    const shown = scene("chdir", { res: 0 }, { container: container("web", { pod, podFacts }) });
    return FIELDS.get(name)?.bind?.(argument)?.(shown);
  };
  const cases: [owner: string | undefined, shown: unknown][] = [
    ["Rollout/shop", "Rollout/shop"],
    ["", undefined],
    [undefined, "Deployment/shop"],
  ];
  for (const [owner, shown] of cases)
    assert.equal(read("saker.pod.owner", { namespaceLabels, owner }), shown);
  assert.equal(read("saker.pod.owner", undefined), "Deployment/shop");
  const facts = { namespaceLabels, owner: undefined };
  assert.equal(read("k8s.ns.labels", facts), "team:blue, annotation.x:1, canary");
  assert.equal(read("k8s.ns.label", facts, "team"), "blue");
  assert.equal(read("k8s.ns.label", facts, "constructor"), undefined);
  assert.equal(read("k8s.ns.labels", undefined), undefined);
});
