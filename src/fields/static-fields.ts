import type { FieldRegistry } from "./field.ts";
import { fieldsOf } from "./_define.ts";

/**
 * A registry that also knows `static.NAME` for each constant of the configuration (falco.yaml,
 * `static_fields`).
 */
export function withStaticFields(
  fields: FieldRegistry,
  constants: Readonly<Record<string, string>>,
): FieldRegistry {
  const { plain } = fieldsOf("static");
  const own = new Map(
    Object.entries(constants).map(([name, value]) => [
      `static.${name}`,
      plain(`static.${name}`, "CHARBUF", "Constant of the configuration", () => value),
    ]),
  );
  if (own.size === 0) return fields;
  return {
    get: (name) => own.get(name) ?? fields.get(name),
    names: () => [...fields.names(), ...own.keys()],
  };
}
