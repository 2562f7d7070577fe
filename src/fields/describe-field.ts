import type { Field } from "./field.ts";
import { isComputed } from "./registry.ts";

/**
 * A field with its argument, as it is written: `proc.aname[n]`, `evt.arg.NAME`, in parentheses what
 * may be left out.
 */
export function fieldSyntax(field: Field): string {
  if (field.argument === undefined) return field.name;
  const { kind, required, dotted, optional } = field.argument;
  const what = kind === "index" ? "n" : kind === "key" ? "NAME" : "n|NAME";
  const argument = dotted === true ? `.${what}` : `[${what}]`;
  return required && optional !== true ? `${field.name}${argument}` : `${field.name}(${argument})`;
}

/** What is special about a field, in a few words each. */
export function fieldMarks(field: Field): readonly string[] {
  const marks: readonly (readonly [boolean, string])[] = [
    [!isComputed(field), "not computed yet"],
    [field.deprecated === true, "deprecated"],
    [field.list === true, "list"],
    [field.several !== undefined, "several values"],
    [field.filterOnly === true, "conditions only"],
    [field.printOnly === true, "outputs only"],
    [field.metadata === true, "from the container runtime"],
  ];
  return marks.filter(([holds]) => holds).map(([, words]) => words);
}
