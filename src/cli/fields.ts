import { fieldMarks, fieldSyntax } from "../fields/describe-field.ts";
import { ALL_FIELDS, isComputed } from "../fields/registry.ts";
import type { Field } from "../fields/field.ts";
import { AppError } from "../lib/errors.ts";
import { painted, printJson, printLine } from "./print.ts";

/**
 * `saker fields [CLASS]`: the register of fields. Throws `USAGE_CLASS` for a class that is none.
 */
export function fields(className: string | undefined, options: { readonly json?: boolean }): void {
  const classes = [...new Set(ALL_FIELDS.map((field) => field.class))];
  if (className !== undefined && !classes.includes(className)) {
    throw new AppError(
      "USAGE_CLASS",
      `Cannot list fields of class "${className}": there is no such class`,
      { hint: `classes are ${classes.join(", ")}` },
    );
  }
  const listed = ALL_FIELDS.filter((field) => className === undefined || field.class === className);
  if (options.json === true) {
    for (const field of listed) printJson(describe(field));
    return;
  }
  const width = Math.max(...listed.map((field) => fieldSyntax(field).length));
  for (const name of classes.filter((name) => listed.some((field) => field.class === name))) {
    printLine(painted("bold", `\n${name}`));
    for (const field of listed.filter((field) => field.class === name)) {
      const marks = fieldMarks(field);
      const note = marks.length === 0 ? "" : painted("dim", ` (${marks.join(", ")})`);
      printLine(
        `  ${fieldSyntax(field).padEnd(width)}  ${field.type.padEnd(8)} ${field.doc}`,
        note,
      );
    }
  }
}

function describe(field: Field): object {
  return {
    name: field.name,
    class: field.class,
    type: field.type,
    doc: field.doc,
    argument: field.argument ?? null,
    list: field.list === true,
    several: field.several !== undefined,
    filterOnly: field.filterOnly === true,
    printOnly: field.printOnly === true,
    noRightSide: field.noRightSide === true,
    noTransformer: field.noTransformer === true,
    suggested: field.suggested === true,
    metadata: field.metadata === true,
    deprecated: field.deprecated === true,
    computed: isComputed(field),
  };
}
