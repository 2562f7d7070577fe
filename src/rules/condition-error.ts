import type { Check } from "./ast.ts";

interface Where {
  readonly start: number;
  readonly end?: number;
  readonly hint?: string | undefined;
}

/**
 * A condition or an output that is not one: where in its text (UTF-16 offsets, `end` exclusive),
 * why, and what to do.
 */
export class ConditionError extends Error {
  readonly start: number;
  readonly end: number;
  readonly hint: string | undefined;

  constructor(message: string, { start, end, hint }: Where) {
    super(message);
    this.name = "ConditionError";
    this.start = start;
    this.end = end ?? start + 1;
    this.hint = hint;
  }
}

/**
 * A check that does not compile: the error's offsets are into the text that the check was parsed
 * from.
 */
export class FailedCheck extends Error {
  readonly error: ConditionError;
  readonly check: Check;

  constructor(error: ConditionError, check: Check) {
    super(error.message);
    this.error = error;
    this.check = check;
  }
}
