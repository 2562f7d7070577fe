import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import {
  kubernetesServer,
  type KubernetesServer,
  status,
} from "../../test/fixtures/kubernetes-api.ts";
import { kubernetesApi, type KubernetesApi } from "./kubernetes-api.ts";

const SIGNAL = new AbortController().signal;
const NO_NAMESPACES = new Map();

describe("kubernetesApi", () => {
  let server: KubernetesServer;
  let api: KubernetesApi;
  before(async () => {
    server = await kubernetesServer();
  });
  after(() => server.remove());
  beforeEach(() => {
    const { url, tokenFile, caFile } = server;
    // Anew: three failures are remembered.
    api = kubernetesApi({ url, tokenFile, caFile, node: "node-1", environment: {} });
    server.namespaces = [];
    server.pods = [];
    server.requests.length = 0;
    server.instead = () => false;
  });

  it("lists labels of namespaces in pages", async () => {
    server.namespaces = ["a", "b", "c", "d", "e"].map((name) => ({ name, labels: { is: name } }));
    const labels = await api.namespaces(SIGNAL);
    assert.deepEqual([...labels.keys()], ["a", "b", "c", "d", "e"]);
    assert.deepEqual(labels.get("e"), { is: "e" });
    assert.deepEqual(server.requests, [
      "/api/v1/namespaces?limit=500",
      "/api/v1/namespaces?limit=500&continue=2",
      "/api/v1/namespaces?limit=500&continue=4",
    ]);
  });

  it("lists the owners of the node's pods", async () => {
    const owned = (kind: string, name: string) => ({
      ownerReferences: [
        { kind: "Bystander", name: "x" },
        { kind, name, controller: true },
      ],
    });
    const labels = { "pod-template-hash": "5d9" };
    server.pods = [
      { uid: "u-1", labels, ...owned("ReplicaSet", "shop-5d9") },
      { uid: "u-2", ...owned("ReplicaSet", "bare-5d9") },
      { uid: "u-3", labels, ...owned("ReplicaSet", "5d9") },
      { uid: "u-4", ...owned("StatefulSet", "db") },
      { uid: "u-5", ownerReferences: [{ kind: "Bystander", name: "x" }] },
      {
        uid: "u-6",
        annotations: { "kubernetes.io/config.mirror": "hash" },
        ...owned("Node", "node-1"),
      },
      { uid: 7, ownerReferences: "none" },
    ];
    assert.deepEqual(
      [...(await api.podOwners(SIGNAL))],
      [
        ["u-1", "Deployment/shop"],
        ["u-2", "ReplicaSet/bare-5d9"],
        ["u-3", "ReplicaSet/5d9"],
        ["u-4", "StatefulSet/db"],
        ["u-5", ""],
        ["u-6", "Node/node-1"],
        ["hash", "Node/node-1"],
      ],
    );
    assert.equal(
      server.requests[0],
      "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&resourceVersion=0&limit=500",
    );
  });

  it("takes hostile labels as texts, and of very many the first", async () => {
    const many = Array.from({ length: 5000 }, (_, index) => [`label-${index}`, "x".repeat(63)]);
    server.namespaces = [
      { name: "evil", labels: JSON.parse('{"__proto__":"p","constructor":"c","n":1}') as object },
      { name: "many", labels: Object.fromEntries(many) as object },
      { name: "none", labels: ["a"] },
    ];
    const labels = await api.namespaces(SIGNAL);
    assert.deepEqual(Object.entries(labels.get("evil") ?? {}), [
      ["__proto__", "p"],
      ["constructor", "c"],
      ["n", ""],
    ]);
    const kept = Object.entries(labels.get("many") ?? {});
    assert.ok(kept.length > 100 && kept.length < 1000, `${kept.length}`);
    assert.deepEqual(labels.get("none"), {});
  });

  it("reads a token that was renewed", async () => {
    server.token = "second";
    await assert.rejects(api.namespaces(SIGNAL), {
      code: "PEER_KUBERNETES_CREDENTIAL",
      message: `Cannot ask the Kubernetes API at "${server.url}": it does not take the token (401): Unauthorized`,
    });
    writeFileSync(server.tokenFile, "second\n");
    assert.deepEqual(await api.namespaces(SIGNAL), NO_NAMESPACES);
    writeFileSync(server.tokenFile, "first\n");
    server.token = "first";
  });

  const refusals: [string, (response: ServerResponse) => unknown, string, RegExp][] = [
    [
      "a right that is missing",
      (response) => status(response, 403, "namespaces is forbidden"),
      "PEER_KUBERNETES_FORBIDDEN",
      /lacks the right to list namespaces \(403\): namespaces is forbidden$/,
    ],
    [
      "a failure",
      (response) => status(response, 500, "etcd is away"),
      "PEER_KUBERNETES_STATUS",
      /status 500: etcd is away$/,
    ],
    [
      "a redirection",
      (response) => response.writeHead(302, { location: "https://127.0.0.1:1/" }).end(),
      "PEER_KUBERNETES_STATUS",
      /status 302$/,
    ],
    [
      "an answer without an end",
      (response) => {
        const write = (): void => {
          while (!response.destroyed && response.write("x".repeat(1 << 20)));
        };
        response.on("drain", write);
        write();
      },
      "PEER_KUBERNETES_ANSWER",
      /the answer is longer than 8388608 bytes$/,
    ],
    [
      "something else",
      (response) => response.end("<html>"),
      "PEER_KUBERNETES_ANSWER",
      /the answer is no list$/,
    ],
    [
      "pages without an end",
      (response) => response.end('{"metadata":{"continue":"again"},"items":[]}'),
      "PEER_KUBERNETES_ANSWER",
      /it comes in more than 100 pages$/,
    ],
    [
      "a connection that breaks off",
      (response) => response.socket?.destroy(),
      "PEER_KUBERNETES_UNREACHABLE",
      /socket hang up$/,
    ],
    ["silence", () => undefined, "PEER_KUBERNETES_UNREACHABLE", /no answer within 3000 ms$/],
    [
      "an answer that never ends",
      (response) => response.write("{"),
      "PEER_KUBERNETES_UNREACHABLE",
      /no answer within 3000 ms$/,
    ],
  ];
  for (const [what, answer, code, message] of refusals) {
    it(`says so of ${what}`, async () => {
      server.instead = (_, response) => {
        answer(response);
        return true;
      };
      await assert.rejects(api.namespaces(SIGNAL), { code, message });
    });
  }

  it("asks nobody for a while after three failures of one kind", async () => {
    server.instead = (request, response) => {
      if (request.url?.startsWith("/api/v1/pods") === true) return false;
      status(response, 403, "");
      return true;
    };
    for (let tries = 0; tries < 3; tries += 1)
      await assert.rejects(api.namespaces(SIGNAL), { code: "PEER_KUBERNETES_FORBIDDEN" });
    await assert.rejects(api.namespaces(SIGNAL), { code: "PEER_PAUSED" });
    assert.equal(server.requests.length, 3);
    assert.equal((await api.podOwners(SIGNAL)).size, 0);
  });

  it("speaks only with whom its authority has signed for, and needs both files", async () => {
    const { url, tokenFile, caFile } = server;
    const options = { url, tokenFile, caFile, node: "node-1", environment: {} };
    const stranger = await kubernetesServer();
    try {
      const api = kubernetesApi({ ...options, caFile: stranger.caFile });
      await assert.rejects(api.namespaces(SIGNAL), {
        code: "PEER_KUBERNETES_UNREACHABLE",
        message: /self-signed certificate$/,
      });
    } finally {
      await stranger.remove();
    }
    const missing = kubernetesApi({ ...options, tokenFile: "/nonexistent/token" });
    await assert.rejects(missing.namespaces(SIGNAL), {
      code: "PEER_KUBERNETES_CREDENTIAL",
      message: `Cannot read the Kubernetes API's token "/nonexistent/token": there is no such file`,
    });
    const unheard = kubernetesApi({ ...options, url: "https://127.0.0.1:1" });
    await assert.rejects(unheard.namespaces(SIGNAL), {
      code: "PEER_KUBERNETES_UNREACHABLE",
      message: 'Cannot ask the Kubernetes API at "https://127.0.0.1:1": nothing listens there',
    });
    assert.deepEqual(server.requests, []);
  });
});

describe("kubernetesApi's address", () => {
  const files = { tokenFile: "/nowhere", caFile: "/nowhere", node: "node-1" };
  const cases: [Record<string, string>, string][] = [
    [
      { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "6443" },
      "https://10.96.0.1:6443",
    ],
    [{ KUBERNETES_SERVICE_HOST: "fd00::1" }, "https://[fd00::1]:443"],
  ];
  for (const [environment, url] of cases)
    it(`is ${url} by the environment`, () => {
      assert.equal(kubernetesApi({ ...files, url: "", environment }).url, url);
    });

  it("has to be known, and so has the node's name", () => {
    assert.throws(() => kubernetesApi({ ...files, url: "", environment: {} }), {
      code: "CONFIG_KUBERNETES",
      message: "Cannot ask the Kubernetes API: nothing says where it is",
    });
    const url = "https://127.0.0.1:1";
    for (const node of ["", "a,b", "Über"])
      assert.throws(() => kubernetesApi({ ...files, url, node, environment: {} }), {
        code: "CONFIG_KUBERNETES",
      });
  });
});
