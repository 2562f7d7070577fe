import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { allKeys } from "../src/config/config-file.ts";
import { configSchema } from "../src/config/config-schema.ts";

const VALUES = join(import.meta.dirname, "../deploy/helm/saker/values.yaml");

type Schema = Readonly<Record<string, unknown>>;

/**
 * JSON Schema (draft 7, which each Helm 3 knows) of our chart's values: the keys of values.yaml with
 * the types that they have there and no others, what SHAPES says besides, and saker.yaml's own schema
 * for `config`.
 */
export function chartSchema(): Schema {
  const { $defs, properties, additionalProperties } = configSchema(allKeys());
  const config = { type: "object", properties, additionalProperties };
  // Of a chart that has this one within it: its `global`, and the usual condition of a dependency.
  const values = { ...(parse(readFileSync(VALUES, "utf8")) as Schema), global: {}, enabled: true };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of Saker's chart",
    $defs,
    ...schemaOf(values, "", { ...SHAPES, config, global: OPEN, enabled: { enum: [true] } }),
  };
}

/** Of a value at a path, `image.tag`: the shape that is stated for it, else what it is. */
function schemaOf(value: unknown, path: string, shapes: Readonly<Record<string, Schema>>): Schema {
  const stated = shapes[path];
  if (stated !== undefined) return stated;
  if (Array.isArray(value)) return { type: "array", items: { type: "object" } };
  if (typeof value !== "object" || value === null) return { type: typeof value };
  const properties = Object.fromEntries(
    Object.entries(value).map(([key, under]) => [
      key,
      schemaOf(under, path === "" ? key : `${path}.${key}`, shapes),
    ]),
  );
  // A map that was set to null is not there any more: the templates need each.
  const required = Object.keys(properties).filter((key) => properties[key]?.["properties"]);
  return { type: "object", properties, required, additionalProperties: false };
}

/** A part of an object's name. */
const NAME = { type: "string", maxLength: 63, pattern: "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$" };
const TEXTS = { type: "object", additionalProperties: { type: "string" } };
/** Any key: what Kubernetes has there. */
const OPEN = { type: "object" };
const NAMED = {
  type: "array",
  items: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
};

/** A number or a word such as yes takes quotes there. */
const VARIABLES = {
  type: "array",
  items: {
    type: "object",
    properties: { name: { type: "string" }, value: { type: ["string", "null"] } },
    required: ["name"],
  },
};

/** Where a default does not say what may be there. */
const SHAPES: Readonly<Record<string, Schema>> = {
  "image.repository": { type: "string", minLength: 1 },
  "image.pullPolicy": { enum: ["Always", "IfNotPresent", "Never"] },
  nameOverride: NAME,
  fullnameOverride: NAME,
  namespaceOverride: NAME,
  imagePullSecrets: NAMED,
  // Keys of a ConfigMap that Saker takes for rules: hidden files are none.
  customRules: {
    type: "object",
    propertyNames: { pattern: "^[-_a-zA-Z0-9][-._a-zA-Z0-9]*\\.ya?ml$" },
    additionalProperties: { type: "string" },
  },
  "metrics.service.type": { enum: ["ClusterIP", "NodePort", "LoadBalancer"] },
  "metrics.service.labels": TEXTS,
  "metrics.service.annotations": TEXTS,
  "serviceMonitor.labels": TEXTS,
  "serviceAccount.annotations": TEXTS,
  "controller.labels": TEXTS,
  "controller.annotations": TEXTS,
  "controller.daemonset.updateStrategy": OPEN,
  podLabels: TEXTS,
  podAnnotations: TEXTS,
  podSecurityContext: OPEN,
  nodeSelector: TEXTS,
  affinity: OPEN,
  resources: OPEN,
  "healthChecks.startupProbe": OPEN,
  "healthChecks.livenessProbe": OPEN,
  containerSecurityContext: OPEN,
  "extra.env": VARIABLES,
  "extra.args": { type: "array", items: { type: "string" } },
  "extra.initContainers": NAMED,
  "mounts.volumes": NAMED,
  "mounts.volumeMounts": NAMED,
};
