import type { Settings } from "../config/settings.ts";
import type { Watch } from "../engine/watch-options.ts";
import type { ReportFolder } from "../outputs/report-folder.ts";
import { SilenceBook } from "../store/silence-book.ts";
import { historyFiles } from "./history-files.ts";
import type { LiveRules } from "./live-rules.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The silences of a watch, beside its store whether or not that is on. What begins and ends is news
 * once the watch runs.
 */
export async function openSilences(
  { store }: Pick<Settings, "store">,
  {
    terminal,
    reports,
    rules,
    running,
  }: {
    readonly terminal: Terminal;
    readonly reports: ReportFolder;
    /** Undefined where alerts come ready-made. */
    readonly rules?: LiveRules | undefined;
    readonly running: () => Watch | undefined;
  },
): Promise<SilenceBook> {
  const say = (kind: "note" | "problem") => (text: string) => {
    const news = running()?.news;
    if (news === undefined) terminal[kind](text);
    else news.publish({ kind, text });
  };
  const book = new SilenceBook({
    folder: historyFiles(store, reports.path).silenceFolder,
    now: () => Date.now(),
    isRule: (name) => rules === undefined || isLoaded(rules, name),
    onNote: say("note"),
    onProblem: say("problem"),
  });
  await book.start();
  return book;
}

function isLoaded({ loaded }: LiveRules, name: string): boolean {
  return [...loaded.rules, ...loaded.correlations].some((rule) => rule.name === name);
}
