import { rulesSchema } from "../rules/json-schema.ts";

/** `saker rules schema`: the JSON Schema of rules files, for editors. */
export function printSchema(): void {
  console.log(JSON.stringify(rulesSchema(), undefined, 2));
}
