import type {
  Field,
  FieldRegistry,
  FieldType,
  FieldValue,
  SingleValue,
} from "../../src/fields/field.ts";
import { FIELDS } from "../../src/fields/registry.ts";
import { addressBytes } from "../../src/lib/ip-bytes.ts";
import { TYPE_SHAPES } from "../../src/rules/value-types.ts";
import type { Scene } from "../../src/state/scene.ts";
import { bytesOf, type CaseFile, text } from "./case-file.ts";

/** Values of mock fields stand in place of a scene. */
export type MockScene = Scene & Readonly<Record<string, FieldValue | undefined>>;

/**
 * Our own fields, and the mock fields `t.*` and `c.*` of a case file. Without those of the
 * container plugin for an engine that does not load it.
 */
export function fieldsWithMocks(file: CaseFile, { withContainers = true } = {}): FieldRegistry {
  const mocks = new Map<string, Field>();
  for (const [name, type] of Object.entries(file.mockTypes)) mocks.set(name, mock(name, type));
  for (const [name, value] of Object.entries(CONSTANTS))
    mocks.set(name, { name, type: "CHARBUF", class: "mock", doc: "", bind: () => () => value });
  mocks.set("c.buffer", {
    name: "c.buffer",
    type: "BYTEBUF",
    class: "mock",
    doc: "",
    bind: () => () => undefined,
  });
  // The one plugin field of the upstream tests.
  mocks.set("sample.is_open", {
    name: "sample.is_open",
    type: "UINT64",
    class: "mock",
    doc: "",
    bind: () => () => undefined,
  });
  const isThere = (name: string): boolean =>
    withContainers || !/^(?:container|k8s)\.|^proc\.is_container_/.test(name);
  return {
    get: (name) => mocks.get(name) ?? (isThere(name) ? FIELDS.get(name) : undefined),
    names: () => [...FIELDS.names()].filter(isThere),
  };
}

/** The fixed fields of the upstream test of booleans and quotes. */
const CONSTANTS: Readonly<Record<string, string>> = {
  "c.true": "1",
  "c.false": "0",
  "c.doublequote": 'hello "quoted"',
  "c.singlequote": "hello 'quoted'",
};

function mock(name: string, described: string): Field {
  const [type = "", list] = described.split(" ");
  const base: Field = {
    name,
    type: type as FieldType,
    class: "mock",
    doc: "",
    bind: () => (scene) => (scene as MockScene)[name],
  };
  // The real engine takes no networks on the right of a comparison; that its field does not either
  // is a property of ours.
  return list === "list" ? { ...base, list: true } : base;
}

/** The scene in which the mock fields have a case's values. */
export function mockScene(
  values: Readonly<Record<string, unknown>>,
  { mockTypes }: CaseFile,
): MockScene {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      mockValue(value, (mockTypes[name] ?? "CHARBUF").split(" ")[0] as FieldType),
    ]),
  ) as unknown as MockScene;
}

function mockValue(value: unknown, type: FieldType): FieldValue | undefined {
  if (value === null || value === undefined) return undefined;
  return Array.isArray(value) ? value.map((item) => single(item, type)) : single(value, type);
}

function single(value: unknown, type: FieldType): SingleValue {
  const { family } = TYPE_SHAPES[type];
  if (family === "bytes") return bytesOf(value);
  if (family === "address" || family === "network")
    return addressBytes(text(value)) ?? new Uint8Array(4);
  if (family === "number" && typeof value === "string") return BigInt(value);
  if (typeof value === "boolean" || typeof value === "number") return value;
  return text(value);
}
