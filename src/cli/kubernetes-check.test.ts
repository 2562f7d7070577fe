import assert from "node:assert/strict";
import { test } from "node:test";
import { kubernetesServer, status } from "../../test/fixtures/kubernetes-api.ts";
import { kubernetesCheck } from "./kubernetes-check.ts";

test("kubernetesCheck says what of the API works, and what to do about the rest", async (t) => {
  const server = await kubernetesServer();
  t.after(() => server.remove());
  const { url, tokenFile, caFile } = server;
  const settings = { node: "node-1", url, tokenFile, caFile };
  server.namespaces = [{ name: "shop" }, { name: "kube-system" }];
  const counts = `${url}: 2 namespaces, 0 pods of node node-1`;
  const none = await kubernetesCheck(settings);
  assert.deepEqual([none.state, none.detail], ["limited", counts]);
  assert.match(none.hint ?? "", /^is "node-1" what kubectl get nodes calls this host\?/);
  server.pods = [{ uid: "u-1" }];
  const working = { name: "kubernetes", state: "ok", detail: counts.replace("0 pods", "1 pods") };
  assert.deepEqual(await kubernetesCheck(settings), working);
  server.instead = (_, response) => {
    status(response, 403, "");
    return true;
  };
  assert.deepEqual(await kubernetesCheck(settings), {
    name: "kubernetes",
    state: "limited",
    detail: `Cannot list namespaces of the Kubernetes API at "${url}": the service account lacks the right to list namespaces (403)`,
    hint: "deploy/kubernetes-api has the role",
  });
  assert.equal((await kubernetesCheck({ ...settings, node: "a b" })).state, "missing");
});
