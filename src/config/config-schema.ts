import type { Key } from "./key.ts";

type Schema = Readonly<Record<string, unknown>>;

/** The JSON Schema (2020-12) of a configuration, for editors, made from the table of its keys. */
export function configSchema(keys: readonly Key<unknown>[]): Schema {
  const root: Section = { sections: new Map(), keys: new Map() };
  for (const key of keys) place(root, key.name.split("."), key);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of Saker and Falco",
    ...sectionSchema(root),
    $defs: {
      rules: {
        type: "object",
        properties: { rule: { type: "string" }, tag: { type: "string" } },
        additionalProperties: false,
        minProperties: 1,
      },
    },
  };
}

interface Section {
  readonly sections: Map<string, Section>;
  readonly keys: Map<string, Key<unknown>>;
}

function place(section: Section, [step = "", ...rest]: readonly string[], key: Key<unknown>): void {
  if (rest.length === 0) {
    section.keys.set(step, key);
    return;
  }
  const inner = section.sections.get(step) ?? { sections: new Map(), keys: new Map() };
  section.sections.set(step, inner);
  place(inner, rest, key);
}

function sectionSchema({ sections, keys }: Section): Schema {
  const own = [...keys].map(([name, key]) => [name, keySchema(key)] as const);
  // Of a section that Saker has no use for only some keys are known.
  const inner = [...sections].map(([name, section]) => {
    const schema = sectionSchema(section);
    return [name, keys.has(name) ? { ...schema, additionalProperties: true } : schema] as const;
  });
  return {
    type: ["object", "null"],
    properties: Object.fromEntries([...own, ...inner]),
    additionalProperties: false,
  };
}

function keySchema({ type, default: value, doc, neutral, unsupported }: Key<unknown>): Schema {
  const reason = neutral ?? unsupported?.reason;
  const description = [doc, ...(reason === undefined ? [] : [`No effect: ${reason}.`])]
    .filter((text) => text !== "")
    .join(" ");
  return { ...type.schema, description, ...(value === undefined ? {} : { default: value }) };
}
