import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { saker } from "../fixtures/saker.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const MANIFESTS = join(CHECKOUT, "deploy/kubernetes");
/** The same with the right to ask the API. */
const WITH_API = join(CHECKOUT, "deploy/kubernetes-api");
/** Where the types of a kind are. */
const TYPES: Readonly<Record<string, string>> = {
  ClusterRole: "rbac.authorization.k8s.io/v1",
  ClusterRoleBinding: "rbac.authorization.k8s.io/v1",
  ConfigMap: "v1",
  DaemonSet: "apps/v1",
  Namespace: "v1",
  ServiceAccount: "v1",
};

interface Manifest {
  readonly kind: string;
}

describe("deploy/kubernetes", () => {
  // Below the checkout, where the compiler finds the packages.
  const folder = mkdtempSync(join(CHECKOUT, "node_modules/.saker-kubernetes-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** What the compiler finds wrong with objects of these kinds: a key that there is not, too. */
  function faults(name: string, manifests: readonly Manifest[]): string {
    const path = join(folder, `${name}.ts`);
    const kinds = [...new Set(manifests.map(({ kind }) => kind))];
    const imports = kinds.map(
      (kind) => `import type { I${kind} } from "kubernetes-models/${TYPES[kind]}/${kind}";\n`,
    );
    const objects = manifests.map((it) => `void (${JSON.stringify(it)} satisfies I${it.kind});\n`);
    writeFileSync(path, [...imports, ...objects].join(""));
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"];
    const args = [join(CHECKOUT, "node_modules/.bin/tsc"), "--ignoreConfig", ...options, path];
    return spawnSync(process.execPath, args, { encoding: "utf8" }).stdout;
  }

  const files = [MANIFESTS, WITH_API].flatMap((of) =>
    readdirSync(of)
      .filter((name) => name.endsWith(".yaml") && !/^(?:kustomization|saker)\.yaml$/.test(name))
      .map((name) => parse(readFileSync(join(of, name), "utf8")) as Manifest),
  );

  /** Undefined without kubectl. */
  function kustomized(of: string): readonly Manifest[] | undefined {
    const { status, stdout, stderr } = spawnSync("kubectl", ["kustomize", of], {
      encoding: "utf8",
    });
    if (status === null) return undefined;
    assert.equal(status, 0, stderr);
    return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  }

  it("has no key that Kubernetes does not know, and no wrong value", () => {
    assert.equal(faults("files", files), "");
    const text = JSON.stringify(files).replace('"hostPath"', '"hostPaht"');
    assert.match(
      faults("wrong", JSON.parse(text) as Manifest[]),
      /hostPaht.+ does not exist in type/,
    );
  });

  it("is what kubectl makes one of, with the configuration as a map", (test) => {
    const made = kustomized(MANIFESTS);
    if (made === undefined) return test.skip("needs kubectl");
    assert.deepEqual(
      made.map(({ kind }) => kind),
      ["Namespace", "ServiceAccount", "ConfigMap", "ConfigMap", "DaemonSet"],
    );
    assert.equal(faults("kustomized", made), "");
    assert.doesNotMatch(JSON.stringify(made), /"automountServiceAccountToken":true/);
  });

  it("may list namespaces and pods, with a token, where it is to ask the API", (test) => {
    const made = kustomized(WITH_API);
    if (made === undefined) return test.skip("needs kubectl");
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
