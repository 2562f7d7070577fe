/**
 * Whose fault an error is, by prefix: the rule file, the settings, the peer, the input file, the
 * kernel, the caller, or us.
 */
export type ErrorCode =
  | `RULE_${string}`
  | `CONFIG_${string}`
  | `PEER_${string}`
  | `INPUT_${string}`
  | `KERNEL_${string}`
  | `USAGE_${string}`
  | `BUG_${string}`;

/** A place in a text: `line` and `column` count from 1, `length` in UTF-16 units. */
export interface Place {
  readonly source: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

interface AppErrorOptions {
  readonly hint?: string | undefined;
  readonly at?: Place | undefined;
  readonly cause?: unknown;
}

/**
 * The one error family of Saker: everything that a user may see is an `AppError`.
 * The message reads `Cannot <do> "<what>": <state>`, without a full stop; `hint` says what to do
 * instead.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly at: Place | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.hint = options.hint;
    this.at = options.at;
  }
}

/** What an unknown thrown value says, in one line. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : textOf(thrown);
  return text.split("\n", 1)[0] ?? "";
}

/** Anything may be thrown, also what has no text. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return typeof thrown;
  }
}
