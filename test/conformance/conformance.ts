import { type Case, readCaseFile } from "./case-file.ts";
import { JUDGES } from "./judges.ts";

export interface Conformance {
  readonly total: number;
  /**
   * Cases whose answer is not the real engine's, with ours; undefined where no judge knows the
   * kind.
   */
  readonly unmet: readonly { readonly answer: string; readonly one: Case }[] | undefined;
}

/** Judges all cases of one file of a folder. An answer that throws is no answer. */
export function conformance(folder: string, name: string): Conformance {
  const file = readCaseFile(folder, name);
  const total = file?.cases.length ?? 0;
  const judge = JUDGES[name];
  if (file === undefined || judge === undefined) return { total, unmet: undefined };
  const decide = judge(file, folder);
  const unmet = file.cases.flatMap((one) => {
    const answer = verdictOf(() => decide(one));
    return answer === true ? [] : [{ answer, one }];
  });
  return { total, unmet };
}

function verdictOf(decide: () => true | string): true | string {
  try {
    return decide();
  } catch (error) {
    return `throws ${String(error)}`;
  }
}
