import { opendirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Earlier reports of one port that are kept. */
export const EARLIER_MAX = 10;

/** What a report's files end with. */
export const ENDINGS = [".txt", ".json"] as const;

/**
 * Which earlier reports a folder holds, so that the oldest go. The folder is read once, not for each
 * report: a container that opens thousands of ports makes it large, and reading it slow.
 */
export class EarlierReports {
  /** By the name of a port's newest report: the times of its earlier ones, sorted. */
  #times: Map<string, string[]> | undefined;

  /**
   * A report of `time` (20260102T030405678Z) was put aside; removes what is too many then. `folder`:
   * a path. Throws when the folder cannot be read.
   */
  add(folder: string, name: string, time: string): void {
    if (this.#times === undefined || this.#times.size > NAMES_MAX) this.#times = timesIn(folder);
    const times = this.#times.get(name) ?? [];
    this.#times.set(name, times);
    if (!times.includes(time)) times.push(time);
    times.sort();
    for (const old of times.splice(0, times.length - EARLIER_MAX))
      for (const ending of ENDINGS)
        rmSync(join(folder, `${name}.${old}${ending}`), { force: true });
  }
}

function timesIn(path: string): Map<string, string[]> {
  const times = new Map<string, string[]>();
  const folder = opendirSync(path, { bufferSize: 1024 });
  try {
    for (let left = ENTRIES_MAX; left > 0; left -= 1) {
      const file = folder.readSync();
      if (file === null) break;
      const [, name = "", time = ""] = EARLIER.exec(file.name) ?? [];
      if (time === "") continue;
      const known = times.get(name);
      if (known === undefined) times.set(name, [time]);
      else if (!known.includes(time)) known.push(time);
    }
  } finally {
    folder.closeSync();
  }
  return times;
}

const EARLIER = /^(.+)\.(\d{8}T\d{9}Z)\.(?:txt|json)$/;
/** The folder's owner may have filled it. */
const ENTRIES_MAX = 100_000;
/** Ports whose times are kept in memory, some 500 bytes each. */
const NAMES_MAX = 16_384;
