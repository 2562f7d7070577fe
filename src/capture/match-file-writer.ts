import { lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Event } from "../events/event.ts";
import { messageOf } from "../lib/errors.ts";
import { snapshotHost } from "./host-snapshot.ts";
import { eachKept, type KeptEvents } from "./kept-events.ts";
import { CaptureFile } from "./scap-writer.ts";

/** What `MatchFileWriter` is asked, one after the other. */
export type MatchFileOrder =
  | {
      readonly kind: "begin";
      /** Counts the files; reports name it. */
      readonly id: number;
      readonly path: string;
      /** Events that make the state and are not shown: containers. */
      readonly states: readonly Uint8Array[];
    }
  | { readonly kind: "events"; readonly events: KeptEvents }
  | { readonly kind: "end" };

/** What became of it. */
export type MatchFileReport =
  | { readonly kind: "begun"; readonly id: number; readonly path: string }
  /** So many bytes of events are done with, whether there was a file for them or not. */
  | { readonly kind: "taken"; readonly bytes: number }
  /** The file is closed; `limit`: it has the most bytes that one may have. */
  | {
      readonly kind: "ended";
      readonly id: number;
      readonly path: string;
      readonly why: "end" | "limit" | "failed" | "refused";
      /** For the user, where it failed or was refused. */
      readonly text?: string;
    };

/** Where files of matches go, and how much disk they may take together. */
export interface MatchFileLimits {
  /** What the names of all files begin with. */
  readonly pathPrefix: string;
  /** The most bytes of a file, 0 for no limit. */
  readonly maxBytes: number;
  /** The most files, and bytes of them, that may lie there; 0 for no limit. */
  readonly maxFiles: number;
  readonly maxTotalBytes: number;
}

/** The file that is being written. */
interface OpenFile {
  readonly id: number;
  readonly file: CaptureFile;
  readonly maxBytes: number;
}

/**
 * Writes the capture files of matches, each from the list of processes on. Blocks as long as /proc
 * and the disk take, so it is for a thread of its own. A file that cannot be written is closed, and
 * removed where it holds no event yet.
 */
export class MatchFileWriter {
  readonly #limits: MatchFileLimits;
  readonly #report: (report: MatchFileReport) => void;
  #open: OpenFile | undefined;

  constructor(limits: MatchFileLimits, report: (report: MatchFileReport) => void) {
    this.#limits = limits;
    this.#report = report;
  }

  take(order: MatchFileOrder): void {
    switch (order.kind) {
      case "begin":
        return this.#begin(order);
      case "events":
        return this.#events(order.events);
      case "end":
        return this.#end("end");
    }
  }

  #begin({ id, path, states }: MatchFileOrder & { readonly kind: "begin" }): void {
    const refusal = this.#refusal();
    if (typeof refusal === "string")
      return this.#report({ kind: "ended", id, path, why: "refused", text: refusal });
    let file: CaptureFile | undefined;
    try {
      file = new CaptureFile(path, { isNew: true });
      file.section(snapshotHost().entries);
      for (const state of states) file.event(loaded(state), true);
      // A full disk is found here, and not when the events are there.
      file.flush();
      this.#open = { id, file, maxBytes: refusal.maxBytes };
      this.#report({ kind: "begun", id, path });
    } catch (thrown) {
      if (file !== undefined) discard(file);
      this.#report({ kind: "ended", id, path, why: "failed", text: messageOf(thrown) });
    }
  }

  #events(events: KeptEvents): void {
    try {
      eachKept(events, (event) => this.#event(event));
    } catch (thrown) {
      this.#end("failed", messageOf(thrown));
    }
    const bytes = events.pieces.reduce((sum, { used }) => sum + used, 0);
    this.#report({ kind: "taken", bytes });
  }

  #event(event: Event): void {
    if (this.#open === undefined) return;
    const { file, maxBytes } = this.#open;
    file.event(event);
    if (file.bytes >= maxBytes) this.#end("limit");
  }

  #end(why: "end" | "limit" | "failed", text?: string): void {
    if (this.#open === undefined) return;
    const { id, file } = this.#open;
    this.#open = undefined;
    const ended = { kind: "ended", id, path: file.path } as const;
    try {
      file.close();
      this.#report({ ...ended, why, ...(text === undefined ? {} : { text }) });
    } catch (thrown) {
      this.#report({ ...ended, why: "failed", text: text ?? messageOf(thrown) });
    }
  }

  /** Why there may be no further file, or what it may have. */
  #refusal(): string | { readonly maxBytes: number } {
    const { pathPrefix, maxBytes, maxFiles, maxTotalBytes } = this.#limits;
    const { files, bytes } = existing(pathPrefix);
    const stated = `captures at ${pathPrefix}: no further one is written; remove some, or raise`;
    if (maxFiles > 0 && files >= maxFiles) return `${files} ${stated} capture.max_files`;
    if (maxTotalBytes > 0 && bytes >= maxTotalBytes)
      return `${Math.round(bytes / 1e6)} MB of ${stated} capture.max_total_mb`;
    const limits = [maxBytes || Infinity, maxTotalBytes > 0 ? maxTotalBytes - bytes : Infinity];
    return { maxBytes: Math.min(...limits) };
  }
}

/** The captures that lie there; in a folder that all may write to those of this user alone. */
function existing(pathPrefix: string): { readonly files: number; readonly bytes: number } {
  const [folder, prefix] = [dirname(pathPrefix), `${basename(pathPrefix)}_`];
  const sizes = readdirOrNone(folder)
    .filter((name) => name.startsWith(prefix) && NUMBERS.test(name.slice(prefix.length)))
    .map((name) => lstatSync(join(folder, name), { throwIfNoEntry: false }))
    .filter((stat) => stat?.isFile() === true && stat.uid === OWN_UID)
    .map((stat) => stat?.size ?? 0);
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

const NUMBERS = /^\d{20}_\d{20}\.scap$/;

/** Who owns what this process makes. */
const OWN_UID = statSync("/proc/self").uid;

function readdirOrNone(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Closes a file that is worth nothing, and removes it. */
function discard(file: CaptureFile): void {
  try {
    file.close();
  } catch {
    // That it cannot be written is known already.
  }
  rmSync(file.path, { force: true });
}

function loaded(bytes: Uint8Array): Event {
  const event = new Event();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  event.load(bytes, view, 0, bytes.length, false);
  return event;
}
