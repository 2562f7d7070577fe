import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parse } from "yaml";
import { kubernetesTools, objectsOf } from "../fixtures/kubernetes-tools.ts";
import { type Manifest, typeFaults } from "../fixtures/kubernetes-types.ts";
import { saker } from "../fixtures/saker.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const MANIFESTS = join(CHECKOUT, "deploy/kubernetes");
/** The same with the right to ask the API. */
const WITH_API = join(CHECKOUT, "deploy/kubernetes-api");
describe("deploy/kubernetes", () => {
  // Below the checkout, where the compiler finds the packages.
  const folder = mkdtempSync(join(CHECKOUT, "node_modules/.saker-kubernetes-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const faults = (name: string, manifests: readonly Manifest[]): string =>
    typeFaults(join(folder, `${name}.ts`), manifests);

  const files = [MANIFESTS, WITH_API].flatMap((of) =>
    readdirSync(of)
      .filter((name) => name.endsWith(".yaml") && !/^(?:kustomization|saker)\.yaml$/.test(name))
      .map((name) => parse(readFileSync(join(of, name), "utf8")) as Manifest),
  );

  const tools = kubernetesTools("Helm 4.1, kubectl 1.35");
  const skip = typeof tools === "string" && tools;
  const kustomized = (of: string): readonly Manifest[] =>
    typeof tools === "string" ? [] : objectsOf(tools.kubectl, "kustomize", of);

  it("has no key that Kubernetes does not know, and no wrong value", () => {
    assert.equal(faults("files", files), "");
    const text = JSON.stringify(files).replace('"hostPath"', '"hostPaht"');
    assert.match(
      faults("wrong", JSON.parse(text) as Manifest[]),
      /hostPaht.+ does not exist in type/,
    );
  });

  it("is what kubectl makes one of, with the configuration as a map", { skip }, () => {
    const made = kustomized(MANIFESTS);
    assert.deepEqual(
      made.map(({ kind }) => kind),
      ["Namespace", "ServiceAccount", "ConfigMap", "ConfigMap", "DaemonSet"],
    );
    assert.equal(faults("kustomized", made), "");
    assert.doesNotMatch(JSON.stringify(made), /"automountServiceAccountToken":true/);
  });

  it("may list namespaces and pods, with a token, where it is to ask the API", { skip }, () => {
    const made = kustomized(WITH_API);
    assert.equal(faults("with-api", made), "");
    const of = (kind: string) => JSON.stringify(made.find((one) => one.kind === kind));
    assert.match(
      of("ClusterRole"),
      /"rules":\[\{"apiGroups":\[""\],"resources":\["namespaces","pods"\],"verbs":\["list"\]\}\]/,
    );
    assert.match(
      of("ClusterRoleBinding"),
      /"subjects":\[\{"kind":"ServiceAccount","name":"saker","namespace":"saker"\}\]/,
    );
    assert.match(of("DaemonSet"), /"automountServiceAccountToken":true/);
    assert.match(of("DaemonSet"), /"--override=kubernetes\.api=true"/);
  });

  it("mounts folders, never sockets", () => {
    const paths = [
      ...JSON.stringify(files).matchAll(/"hostPath":\{"path":"([^"]*)","type":"(\w+)"/g),
    ];
    assert.ok(paths.length >= 5);
    for (const [, path, type = ""] of paths) assert.match(type, /^Directory/, path);
  });

  it("has a configuration without a fault", async () => {
    const text = readFileSync(join(MANIFESTS, "saker.yaml"), "utf8");
    const path = join(folder, "saker.yaml");
    // The rules within the program, as they lie here; and a folder in the place of the pod's.
    const here = text.replace("/usr/bin/saker/rules", join(CHECKOUT, "rules"));
    writeFileSync(path, here.replace("/rules.d", folder));
    const { code, out, err } = await saker(["config", "check", path]);
    assert.equal(code, 0, out + err);
  });
});
