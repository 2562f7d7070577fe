import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { fakeRuntime } from "../../test/fixtures/fake-runtime.ts";
import {
  kubernetesServer,
  type KubernetesServer,
  status,
} from "../../test/fixtures/kubernetes-api.ts";
import { until } from "../../test/fixtures/until.ts";
import type { Container } from "./container.ts";
import { ContainerRegistry } from "./container-registry.ts";
import { kubernetesApi } from "./kubernetes-api.ts";
import { KubernetesFacts, withKubernetes } from "./kubernetes-facts.ts";
import { metadataOf } from "./metadata.ts";

const SHOP = { name: "shop", labels: { team: "blue" } };
const DB = { uid: "u-1", ownerReferences: [{ kind: "StatefulSet", name: "db", controller: true }] };

/** What a runtime says of a container of a pod. */
function ofPod(name: string, namespace: string, uid: string) {
  const pod = { name, namespace, uid, sandboxId: "", labels: undefined, ip: "" };
  return { metadata: metadataOf({ name, pid: 1, pod }) };
}

describe("KubernetesFacts", () => {
  let server: KubernetesServer;
  before(async () => {
    server = await kubernetesServer();
  });
  after(() => server.remove());
  beforeEach(() => {
    server.namespaces = [SHOP];
    server.pods = [DB];
    server.instead = () => false;
    server.requests.length = 0;
  });

  /** A registry of one runtime whose pods the API is asked for. */
  function watched() {
    const said: string[] = [];
    const runtime = fakeRuntime("containerd");
    const { url, tokenFile, caFile } = server;
    const facts = new KubernetesFacts({
      api: kubernetesApi({ url, tokenFile, caFile, node: "node-1", environment: {} }),
      onProblem: (text) => said.push(`problem: ${text}`),
      onNote: (text) => said.push(`note: ${text}`),
      onLearned: () => facts.addToAll(registry.list()),
    });
    const registry = new ContainerRegistry({
      runtimes: [withKubernetes(runtime, facts)],
      cgroupRoot: "/nonexistent",
    });
    const known = (fullId: string): Promise<Container> =>
      until(fullId, () => {
        const container = registry.byId(fullId);
        return container?.state === "known" ? container : undefined;
      });
    const stop = (): void => {
      facts.stop();
      registry.stop();
    };
    return { facts, registry, runtime, said, known, stop };
  }

  it("is known with a container, whether its pod was there at the start or came later", async () => {
    const { facts, registry, runtime, said, known, stop } = watched();
    runtime.run("early", ofPod("db-0", "shop", "u-1"));
    runtime.run("host's own", { metadata: metadataOf({ name: "web", pid: 1 }) });
    void facts.follow();
    await registry.start();
    const facts1 = { namespaceLabels: { team: "blue" }, owner: "StatefulSet/db" };
    assert.deepEqual((await known("early")).metadata?.podFacts, facts1);
    assert.equal((await known("host's own")).metadata?.podFacts, undefined);
    server.namespaces = [SHOP, { name: "new", labels: {} }];
    server.pods = [DB, { uid: "u-2" }];
    runtime.run("later", ofPod("bare", "new", "u-2"));
    assert.deepEqual((await known("later")).metadata?.podFacts, { namespaceLabels: {}, owner: "" });
    // Its pod is gone, and its last events are still to come.
    server.pods = [];
    runtime.run("of no pod", ofPod("lie", "nowhere", "u-3"));
    assert.equal((await known("of no pod")).metadata?.podFacts, undefined);
    assert.deepEqual((await known("early")).metadata?.podFacts, facts1);
    assert.deepEqual(said, []);
    stop();
  });

  it("does not ask again and again for a pod that is not there", async () => {
    const { facts, registry, runtime, known, stop } = watched();
    void facts.follow();
    await registry.start();
    runtime.run("first", ofPod("lie", "nowhere", "u-3"));
    await known("first");
    const before = server.requests.length;
    for (let index = 0; index < 20; index += 1) {
      runtime.run(`again ${index}`, ofPod("lie", "nowhere", "u-3"));
      await known(`again ${index}`);
    }
    assert.equal(server.requests.length, before);
    stop();
  });

  it("says once that it cannot be asked and once that it can, and nobody waits for it", async () => {
    const { facts, registry, runtime, said, known, stop } = watched();
    await server.close();
    void facts.follow();
    await until("a problem", () => said.length > 0);
    await registry.start();
    runtime.run("meanwhile", ofPod("db-0", "shop", "u-1"));
    const container = await known("meanwhile");
    assert.equal(container.metadata?.podFacts, undefined);
    await server.listen();
    runtime.run("then", ofPod("db-0", "shop", "u-1"));
    await until("facts", () => container.metadata?.podFacts);
    assert.deepEqual(said, [
      `problem: Cannot ask the Kubernetes API at "${server.url}": nothing listens there`,
      `note: The Kubernetes API at "${server.url}" can be asked again`,
    ]);
    stop();
  });

  it("holds nobody for long while the API hangs", async () => {
    const { facts, registry, runtime, said, known, stop } = watched();
    server.instead = () => true;
    void facts.follow();
    await registry.start();
    runtime.run("early", ofPod("db-0", "shop", "u-1"));
    assert.equal((await known("early")).metadata?.podFacts, undefined);
    await until("a problem", () => said.length > 0);
    assert.deepEqual(said, [
      `problem: Cannot ask the Kubernetes API at "${server.url}": no answer within 3000 ms`,
    ]);
    stop();
  });

  it("gives what may be listed where the other right is missing", async () => {
    const { facts, registry, runtime, said, known, stop } = watched();
    server.instead = (request, response) => {
      if (request.url?.startsWith("/api/v1/pods") !== true) return false;
      status(response, 403, "");
      return true;
    };
    void facts.follow();
    runtime.run("one", ofPod("db-0", "shop", "u-1"));
    await registry.start();
    const container = await known("one");
    await until("facts", () => container.metadata?.podFacts);
    assert.deepEqual(container.metadata?.podFacts, {
      namespaceLabels: { team: "blue" },
      owner: undefined,
    });
    assert.deepEqual(said, [
      `problem: Cannot list pods of the Kubernetes API at "${server.url}": the service account lacks the right to list pods (403)`,
    ]);
    stop();
  });
});
