import { ALL_FIELDS } from "../fields/registry.ts";
import { rulesSchema } from "../rules/json-schema.ts";
import { printJson } from "./print.ts";

/** `saker rules schema`: the JSON Schema of rules files, for editors. */
export function printSchema(): void {
  printJson(rulesSchema(ALL_FIELDS), 2);
}
