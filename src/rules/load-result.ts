import type { Place } from "../lib/errors.ts";
import { type Diagnostic, excerpt } from "./diagnostic.ts";
import { LOAD_CODES } from "./load-codes.ts";
import type { FileResult } from "./load-rules.ts";

/**
 * Falco's own shape of what loading gave (`falco -V --json`): one entry a file. `texts` are the
 * files by name, for the snippets.
 */
export function falcoLoadResults(
  files: readonly FileResult[],
  texts: ReadonlyMap<string, string>,
): { readonly falco_load_results: readonly object[] } {
  return {
    falco_load_results: files.map(({ name, errors, warnings }) => ({
      name,
      successful: errors.length === 0,
      errors: errors.map((error) => described(error, texts)),
      warnings: warnings.map((warning) => described(warning, texts)),
    })),
  };
}

function described(
  { code, message, hint, place, itemType = "rules content", itemName = "" }: Diagnostic,
  texts: ReadonlyMap<string, string>,
): object {
  const text = texts.get(place?.source ?? "") ?? "";
  return {
    item_type: itemType,
    item_name: itemName,
    code,
    codedesc: LOAD_CODES[code],
    message: hint === undefined ? message : `${message} (${hint})`,
    context:
      place === undefined
        ? {}
        : {
            locations: [
              { item_type: itemType, item_name: itemName, position: position(place, text) },
            ],
            snippet: `${excerpt(place, text).join("\n")}\n`,
          },
  };
}

/** Falco counts lines and columns from 1, and the offset from 0. */
function position({ source, line, column }: Place, text: string): object {
  let offset = 0;
  for (let before = 1; before < line; before += 1) offset = text.indexOf("\n", offset) + 1;
  return { name: source, line, column, offset: offset + column - 1 };
}
