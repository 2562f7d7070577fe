import { randomBytes } from "node:crypto";
import { type BigIntStats, constants, existsSync, lstatSync, type Stats } from "node:fs";
import { open, readdir, rename, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError, messageOf } from "../lib/errors.ts";
import { inPrivateFolder, makePrivateFolder } from "./private-folder.ts";
import {
  newSilence,
  parseSilence,
  type Silence,
  SILENCE_LIMITS,
  type SilenceRequest,
} from "./silence.ts";

/** What lies in a folder of silences. */
export interface FoundSilences {
  /** By their id; some may have ended. */
  readonly silences: ReadonlyMap<string, Silence>;
  /** Names of files that state none, or that somebody else could have written. */
  readonly unreadable: readonly string[];
}

/**
 * Silences as files, one each, `ID.json`: who adds or ends one needs nobody who runs, and two of them
 * never write the same file. Beside them is how many alerts each has silenced, by whoever silences.
 * Rejects with `CONFIG_STORE` for a folder that others can write to, or have put there.
 */
export async function readSilences(folder: string): Promise<FoundSilences> {
  const silences = new Map<string, Silence>();
  const unreadable: string[] = [];
  if (!existsSync(folder)) return { silences, unreadable };
  await inPrivateFolder(folder, async (inside) => {
    const names = await readdir(inside);
    for (const name of names.slice(0, FILES_MAX)) {
      const [, id] = FILE_NAME.exec(name) ?? [];
      if (id === undefined) continue;
      const text = await readOwn(join(inside, name)).catch(() => "");
      // It was ended meanwhile.
      if (text === undefined) continue;
      const silence = parseSilence(text);
      if (silence?.id === id) silences.set(id, silence);
      else unreadable.push(name);
    }
  });
  return { silences, unreadable };
}

/**
 * Differs whenever what `readSilences` would find may differ from what it found when these ids were
 * there; asks for no file but theirs. A change within the same tick of the file system's clock, some
 * milliseconds, may leave no trace.
 */
export function silencesState(folder: string, ids: Iterable<string>): string {
  const paths = [folder, ...Array.from(ids, (id) => join(folder, `${id}.json`))];
  try {
    const around = lstatSync(dirname(folder));
    const states = paths.map((path) => {
      const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
      return [whose(stat), stat?.size, stat?.mtimeNs, stat?.ctimeNs];
    });
    // What else lies around it changes all the time.
    return [whose(around), ...states].join(" ");
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function whose(stat: Stats | BigIntStats | undefined): string {
  return [stat?.dev, stat?.ino, stat?.mode, stat?.uid].join(":");
}

/** Throws `CONFIG_STORE` for one that others can write to. */
export function makeSilenceFolder(folder: string): void {
  makePrivateFolder(dirname(folder));
  makePrivateFolder(folder);
}

/** Adds one. Throws `USAGE_SILENCE`, and `CONFIG_STORE` for a folder that others can write to. */
export async function addSilence(
  folder: string,
  request: SilenceRequest,
  now: number,
): Promise<Silence> {
  const silence = newSilence(request, { id: randomBytes(4).toString("hex"), now });
  const { silences } = await readSilences(folder);
  const running = [...silences.values()].filter(({ until }) => until > now);
  if (running.length >= SILENCE_LIMITS.silences)
    throw new AppError(
      "USAGE_SILENCE",
      `Cannot silence "${request.rule}": there are ${running.length} silences already`,
      { hint: "end one with saker silence end ID, or write an exception" },
    );
  makeSilenceFolder(folder);
  await inPrivateFolder(folder, (inside) =>
    writeWhole(join(inside, `${silence.id}.json`), silence),
  );
  return silence;
}

/** False when there is none of that id. */
export async function removeSilence(folder: string, id: string): Promise<boolean> {
  if (!FILE_NAME.test(`${id}.json`) || !existsSync(folder)) return false;
  try {
    await inPrivateFolder(folder, (inside) => unlink(join(inside, `${id}.json`)));
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw thrown;
  }
}

/** How many alerts each has silenced, by its id. */
export async function readSilencedCounts(folder: string): Promise<Map<string, number>> {
  try {
    const read = (inside: string) => readOwn(join(inside, COUNTS_FILE));
    const text = (await inPrivateFolder(folder, read)) ?? "{}";
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return new Map(
      entries.flatMap(([id, count]) => (Number.isSafeInteger(count) ? [[id, Number(count)]] : [])),
    );
  } catch {
    return new Map();
  }
}

export async function writeSilencedCounts(
  folder: string,
  counts: ReadonlyMap<string, number>,
): Promise<void> {
  await inPrivateFolder(folder, (inside) =>
    writeWhole(join(inside, COUNTS_FILE), Object.fromEntries(counts)),
  );
}

/**
 * Undefined when it is not there. Throws when others could have written it: an alert that nobody is
 * told of is what an intruder wants.
 */
async function readOwn(path: string): Promise<string | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw thrown;
  });
  try {
    if (file === undefined) return undefined;
    const stats = await file.stat();
    const isOwn = stats.uid === process.geteuid?.() && (stats.mode & 0o022) === 0;
    if (!isOwn || !stats.isFile() || stats.size > BYTES_MAX)
      throw new Error("it is no file of ours");
    return await file.readFile("utf8");
  } finally {
    await file?.close();
  }
}

/** Whoever reads it sees all of it, or what was there before. */
async function writeWhole(path: string, value: object): Promise<void> {
  const part = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(part, JSON.stringify(value), { flag: "wx", mode: 0o640, flush: true });
  await rename(part, path);
}

const FILE_NAME = /^([0-9a-f]{8})\.json$/;
const COUNTS_FILE = "counts.json";
const FILES_MAX = 1000;
const BYTES_MAX = 1 << 18;
