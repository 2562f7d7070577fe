import { existsSync, readFileSync } from "node:fs";
import type { Field, FieldRegistry, FieldType, FieldValue } from "../../src/fields/field.ts";
import type { Scene } from "../../src/state/scene.ts";
import type { CaseFile } from "./case-file.ts";

interface ReferenceField {
  readonly name: string;
  readonly type: FieldType;
  readonly class: string;
  readonly arg: "none" | "allowed" | "required";
  readonly arg_kind: "index|key" | "key" | null;
  readonly is_list: boolean;
  readonly filter_only: boolean;
  readonly print_only: boolean;
  readonly no_rhs: boolean;
  readonly no_transformer: boolean;
  readonly deprecated: boolean;
  readonly provider: string;
}

const REFERENCE = new URL("../../../shared/reference/fields.json", import.meta.url);

/** Values of mock fields stand in place of a scene. */
export type MockScene = Scene & Readonly<Record<string, FieldValue | undefined>>;

/** Every field that the real engine knows, declared and never present, and the mock fields of a case file. */
export function referenceFields(file: CaseFile, { withContainers = true } = {}): FieldRegistry {
  const fields = new Map<string, Field>();
  for (const reference of readReference()) {
    if (withContainers || reference.provider === "syscall") fields.set(reference.name, declared(reference));
  }
  for (const [name, type] of Object.entries(file.mockTypes)) fields.set(name, mock(name, type));
  for (const [name, value] of Object.entries(CONSTANTS)) fields.set(name, { name, type: typeof value === "number" ? "UINT32" : "CHARBUF", class: "mock", doc: "", bind: () => () => value });
  return { get: (name) => fields.get(name), names: () => fields.keys() };
}

/** The fixed fields of the upstream test of booleans and quotes. */
const CONSTANTS: Readonly<Record<string, string | number>> = { "c.true": 1, "c.false": 0, "c.doublequote": 'hello "quoted"', "c.singlequote": "hello 'quoted'" };

function readReference(): readonly ReferenceField[] {
  if (!existsSync(REFERENCE)) throw new Error("needs ../shared/reference/fields.json");
  return (JSON.parse(readFileSync(REFERENCE, "utf8")) as { fields: ReferenceField[] }).fields;
}

function declared(reference: ReferenceField): Field {
  const { name, type, arg } = reference;
  return {
    name,
    type,
    class: reference.class,
    doc: "",
    ...(arg === "none" ? {} : { argument: { kind: reference.arg_kind ?? "index|key", required: arg === "required" } }),
    ...(reference.is_list ? { list: true as const } : {}),
    ...(reference.filter_only ? { filterOnly: true as const } : {}),
    ...(reference.print_only ? { printOnly: true as const } : {}),
    ...(reference.no_rhs ? { noRightSide: true as const } : {}),
    ...(reference.no_transformer ? { noTransformer: true as const } : {}),
    ...(reference.deprecated ? { deprecated: true as const } : {}),
    bind: () => () => undefined,
  };
}

/** Parameter types that a field of ours never has, by the type that behaves alike. */
const ALIKE: Readonly<Record<string, FieldType>> = { FSPATH: "CHARBUF", FSRELPATH: "CHARBUF", IPV4ADDR: "IPADDR", IPV6ADDR: "IPADDR", IPV4NET: "IPNET", IPV6NET: "IPNET" };

function mock(name: string, text: string): Field {
  const [type = "", list] = text.split(" ");
  const base: Field = { name, type: ALIKE[type] ?? (type as FieldType), class: "mock", doc: "", bind: () => (scene) => (scene as MockScene)[name] };
  return list === "list" ? { ...base, list: true } : base;
}
