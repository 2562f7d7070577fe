import { messageOf } from "../lib/errors.ts";
import type { Prober } from "./prober.ts";

/** One step of an audit, as reports name it. */
export interface Step {
  readonly prober: Pick<Prober, "note">;
  /** The name of its error: `certificate`, `heartbleed`, … */
  readonly probe: string;
  /** What is missing from the report without it, such as `ALPN and tickets`. */
  readonly facts: string;
}

/**
 * Does one step of an audit. What it throws, whatever that is, becomes an error of its probe that
 * names the missing facts, and the audit goes on: undefined then.
 */
export async function attempt<T>(step: Step, run: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (thrown) {
    step.prober.note(step.probe, `${step.facts} could not be told: ${messageOf(thrown)}`);
    return undefined;
  }
}
