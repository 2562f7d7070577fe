import type { ExceptionDefinition, RuleDefinition } from "./definitions.ts";
import { type Diagnostic, isErrorCode } from "./diagnostic.ts";
import { exceptionProblem, mergeExceptions, readExceptions } from "./exceptions.ts";
import { flagOf, ItemError, itemError } from "./item-values.ts";
import type { RawItem } from "./raw-items.ts";
import { placeAt } from "./source-text.ts";

/** What exceptions are checked against, and who hears of what is wrong beside the last of it. */
export interface ExceptionItemsOptions {
  readonly isKnownField: (name: string) => boolean;
  readonly report: (diagnostic: Diagnostic) => void;
}

/** The exceptions of rule items, read and checked. */
export class ExceptionItems {
  readonly #options: ExceptionItemsOptions;

  constructor(options: ExceptionItemsOptions) {
    this.#options = options;
  }

  /** The exceptions of a rule with those that an item appends. Throws an `ItemError`, as all here. */
  merged(item: RawItem, rule: RuleDefinition): readonly ExceptionDefinition[] {
    const added = this.#read(item, true);
    const { exceptions, problem } = mergeExceptions(rule.exceptions, added);
    if (problem !== undefined) throw itemError(item, "LOAD_ERR_VALIDATE", problem, "exceptions");
    this.#validate(
      item,
      added.filter((exception) => exception.fields !== undefined),
      rule.isUnknownSource,
    );
    return exceptions;
  }

  /** The exceptions that an item defines. */
  of(item: RawItem, isUnknownSource: boolean): readonly ExceptionDefinition[] {
    if (!item.keys.has("exceptions")) return [];
    const exceptions = this.#read(item, false);
    this.#validate(item, exceptions, isUnknownSource);
    return exceptions;
  }

  #read(item: RawItem, isAppended: boolean): readonly ExceptionDefinition[] {
    const errors: Diagnostic[] = [];
    const exceptions = readExceptions(item, isAppended, (code, message, node, name) => {
      const place = placeAt(item.source, node?.start ?? item.offset);
      const diagnostic: Diagnostic = {
        code,
        message,
        place,
        itemType: "exception",
        itemName: name ?? item.name,
      };
      if (isErrorCode(code)) errors.push(diagnostic);
      else this.#options.report(diagnostic);
    });
    this.#throwAll(errors);
    return exceptions;
  }

  /** The fields of a source that is not there cannot be known. */
  #validate(
    item: RawItem,
    exceptions: readonly ExceptionDefinition[],
    isUnknownSource: boolean,
  ): void {
    const errors: Diagnostic[] = [];
    for (const exception of exceptions) {
      const problem = exceptionProblem(
        exception,
        isUnknownSource ? () => true : this.#options.isKnownField,
      );
      const isSkipped =
        problem?.isUnknownField === true && flagOf(item, "skip-if-unknown-filter", false);
      if (problem !== undefined && !isSkipped)
        errors.push({
          code: "LOAD_ERR_VALIDATE",
          message: problem.message,
          place: exception.place,
          itemType: "exception",
          itemName: exception.name,
        });
    }
    this.#throwAll(errors);
  }

  /** The last one leaves the item out, the others stand beside it. */
  #throwAll(errors: readonly Diagnostic[]): void {
    const last = errors.at(-1);
    if (last === undefined) return;
    for (const error of errors.slice(0, -1)) this.#options.report(error);
    throw new ItemError(last);
  }
}
