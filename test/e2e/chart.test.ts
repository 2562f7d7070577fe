import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it, test } from "node:test";
import * as fc from "fast-check";
import { parse } from "yaml";
import {
  ALL_VALUES,
  HOSTILE,
  IMPOSSIBLE,
  LEFT_OUT,
  REFUSED,
  type Values,
} from "../fixtures/chart-values.ts";
import {
  type KubernetesTools,
  kubernetesTools,
  objectsOf,
  TOOLS_VERSIONS,
} from "../fixtures/kubernetes-tools.ts";
import { type Manifest, typeFaults } from "../fixtures/kubernetes-types.ts";
import { saker } from "../fixtures/saker.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const CHART = join(CHECKOUT, "deploy/helm/saker");

interface Made extends Manifest {
  readonly metadata: { readonly name: string; labels?: unknown };
  readonly data?: Record<string, unknown>;
  readonly spec?: {
    readonly template: {
      readonly metadata: { readonly annotations: unknown };
      readonly spec: {
        readonly containers: readonly [{ args: string[]; readonly image: string; env: unknown[] }];
      };
    };
  };
}

test("the chart has the program's version", () => {
  const read = (path: string): unknown => parse(readFileSync(path, "utf8"));
  const { version } = read(join(CHECKOUT, "package.json")) as { readonly version: string };
  const chart = read(join(CHART, "Chart.yaml")) as Readonly<Record<string, unknown>>;
  assert.deepEqual([chart["version"], chart["appVersion"]], [version, version]);
});

for (const version of TOOLS_VERSIONS) {
  const tools = kubernetesTools(version);
  const missing = typeof tools === "string";
  describe(`deploy/helm/saker, by ${version}`, { skip: missing && tools }, () => {
    if (!missing) chartTests(tools);
  });
}

function chartTests({ helm, kubectl }: KubernetesTools): void {
  // Below the checkout, where the compiler finds the packages.
  const folder = mkdtempSync(join(CHECKOUT, "node_modules/.saker-chart-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Arguments that render the chart with these values. */
  function rendering(values: Values, release = "saker"): readonly string[] {
    const path = join(folder, "values.json");
    // What YAML takes in no text as it is.
    const text = JSON.stringify(values).replace(
      /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
      (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    writeFileSync(path, text);
    return ["template", release, CHART, "--namespace", "saker", "--values", path];
  }

  const made = (values: Values): readonly Made[] =>
    objectsOf(helm, ...rendering(values)) as readonly Made[];
  const one = (objects: readonly Made[], kind: string, name = "saker"): Made =>
    objects.find((it) => it.kind === kind && it.metadata.name === name) ??
    assert.fail(`no ${kind} ${name}`);
  const container = (objects: readonly Made[]) =>
    one(objects, "DaemonSet").spec?.template.spec.containers[0] ?? assert.fail();
  const configOf = (objects: readonly Made[]): string =>
    String(one(objects, "ConfigMap").data?.["saker.yaml"]);

  it("has nothing that helm lint finds", () => {
    const { status, stdout } = spawnSync(helm, ["lint", "--strict", CHART], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });

  it("makes the objects of deploy/kubernetes by default", () => {
    const plain = objectsOf(kubectl, "kustomize", join(CHECKOUT, "deploy/kubernetes"));
    assert.deepEqual(alike(made({})), alike(plain as readonly Made[]));
  });

  it("makes those of deploy/kubernetes-api where the API is to be asked", () => {
    const plain = objectsOf(kubectl, "kustomize", join(CHECKOUT, "deploy/kubernetes-api"));
    const [mine, theirs] = [made({ config: { kubernetes: { api: true } } }), plain as Made[]];
    assert.deepEqual(container(theirs).args.pop(), "--override=kubernetes.api=true");
    assert.match(configOf(mine), /^kubernetes:\n {2}api: true$/m);
    const config = one(mine, "ConfigMap").data ?? {};
    config["saker.yaml"] = configOf(mine).replace("kubernetes:\n  api: true\n", "");
    assert.deepEqual(alike(mine), alike(theirs));
  });

  it("puts each value in its place, and no key that Kubernetes does not know", async () => {
    const objects = made(ALL_VALUES);
    const known = objects.filter(({ kind }) => kind !== "ServiceMonitor");
    assert.equal(typeFaults(join(folder, "all.ts"), known), "");
    const marks = (it: unknown): ReadonlySet<string> =>
      new Set(JSON.stringify(it).match(/mark-\w+/g));
    assert.deepEqual([...marks(ALL_VALUES).difference(marks(objects))], []);
    // A name that a user gives stands once: a second one would be joined with it.
    const names = container(objects).env.map((it) => (it as { readonly name: string }).name);
    assert.deepEqual(names, ["NODE_NAME", "FALCO_HOSTNAME", "TOKEN"]);
    const path = join(folder, "all.yaml");
    writeFileSync(
      path,
      configOf(objects).replaceAll(/\/usr\/bin\/saker\/rules|\/rules.d/g, folder),
    );
    const { code, out, err } = await saker(["config", "check", path]);
    assert.equal(code, 0, out + err);
  });

  it("takes null for what may be left out, as a key without a value is", () => {
    const objects = made(LEFT_OUT);
    const known = objects.filter(({ kind }) => kind !== "ServiceMonitor");
    assert.equal(typeFaults(join(folder, "null.ts"), known), "");
  });

  it("brings rules and configuration byte for byte, whatever is in them", () => {
    const texts = fc.string({ unit: "binary", maxLength: 40 }).filter((it) => !IMPOSSIBLE.test(it));
    const all = [...HOSTILE, ...fc.sample(texts, { numRuns: 300, seed: 21 })];
    const files = Object.fromEntries(all.map((text, index) => [`r${index}.yaml`, text]));
    const objects = made({ customRules: files, config: { customfields: files } });
    assert.deepEqual(one(objects, "ConfigMap", "saker-rules").data, files);
    const { customfields } = parse(configOf(objects)) as { readonly customfields: unknown };
    assert.deepEqual(customfields, files);
    // What stands last has its end, too.
    for (const text of HOSTILE) {
      const customRules = { "z.yaml": text };
      const last = made({ customRules, config: { webserver: { ssl_certificate: text } } });
      assert.deepEqual(one(last, "ConfigMap", "saker-rules").data, customRules);
      const { webserver } = parse(configOf(last)) as { readonly webserver: Values };
      assert.equal(webserver["ssl_certificate"], text);
    }
  });

  it("starts pods anew for another configuration, not for other rules", () => {
    const sums = (values: Values): unknown =>
      one(made(values), "DaemonSet").spec?.template.metadata.annotations;
    assert.deepEqual(sums({ customRules: { "a.yaml": "x" } }), sums({}));
    assert.notDeepEqual(sums({ config: { priority: "Notice" } }), sums({}));
    const unwatched = { watch_config_files: false };
    assert.notDeepEqual(
      sums({ config: unwatched, customRules: { "a.yaml": "x" } }),
      sums({ config: unwatched }),
    );
  });

  it("takes rules from where config.rules_files has them", () => {
    const customRules = { "a.yaml": "x" };
    for (const rules_files of ["/rules.d", ["/x", "/rules.d/a.yaml"]])
      made({ config: { rules_files }, customRules });
    made({ extra: { args: ["--rules=/rules.d"] }, config: { rules_files: [] }, customRules });
    const volumeMounts = [{ name: "x", mountPath: "/etc/falco/rules.d/a.yaml" }];
    made({ config: { rules_files: ["/etc/falco/rules.d"] }, mounts: { volumeMounts } });
  });

  for (const [values, words] of REFUSED)
    it(`refuses ${JSON.stringify(values).slice(0, 200)}`, () => {
      const { status, stderr } = spawnSync(helm, rendering(values), { encoding: "utf8" });
      assert.equal(status, 1);
      assert.match(stderr, words);
    });
}

/**
 * By kind and name, without what Helm's objects have besides: labels but the DaemonSet's name, and
 * what the pods start anew for; and without what kustomize puts behind names.
 */
function alike(objects: readonly Made[]): Readonly<Record<string, unknown>> {
  const reviver = (key: string, value: unknown): unknown => {
    if (/^(?:helm\.sh\/chart|app\.kubernetes\.io\/(?!name$)[-\w]+)$/.test(key)) return undefined;
    if (key === "annotations") return undefined;
    if (key === "saker.yaml") return parse(String(value));
    return typeof value === "string"
      ? value.replace(/^(saker|saker-rules)-[a-z0-9]{10}$/, "$1")
      : value;
  };
  const plain = JSON.parse(JSON.stringify(objects), reviver) as Made[];
  for (const it of plain) if (it.kind !== "DaemonSet") delete it.metadata.labels;
  const named = plain.filter(({ kind }) => kind !== "Namespace");
  return Object.fromEntries(named.map((it) => [`${it.kind} ${it.metadata.name}`, it]));
}
