import type { Alert } from "../alerts/alert.ts";
import { fieldText } from "../alerts/format.ts";
import { filledTemplate } from "./go-template.ts";

/** What falcosidekick adds to alerts: constant fields, fields made of others, and tags. */
export interface CustomFields {
  readonly fields: Readonly<Record<string, string>>;
  readonly templates: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
}

/** Gives an alert with all of them; undefined where there are none. */
export function customized({
  fields,
  templates,
  tags,
}: CustomFields): ((alert: Alert) => Alert) | undefined {
  const made = Object.entries(templates);
  if (Object.keys(fields).length + made.length + tags.length === 0) return undefined;
  return (alert) => {
    const outputFields = { ...alert.outputFields, ...fields };
    const valueOf = (name: string): string => {
      const value = outputFields[name] ?? null;
      return value === null ? "" : fieldText(value);
    };
    const filled = made.map(([name, template]) => [name, filledTemplate(template, valueOf)]);
    return {
      ...alert,
      outputFields: { ...outputFields, ...Object.fromEntries(filled) },
      tags: [...alert.tags, ...tags],
    };
  };
}
