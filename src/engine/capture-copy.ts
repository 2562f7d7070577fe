import type { CaptureSink } from "../capture/capture-parser.ts";
import { CaptureFile } from "../capture/scap-writer.ts";
import type { Replay } from "./replay.ts";

/**
 * What a replay shows, written into another capture. What changes the state of the host goes along,
 * marked as not to be shown.
 */
export class CaptureCopy {
  readonly #file: CaptureFile;
  #written = 0;

  /** Throws `INPUT_CAPTURE_WRITE` when the file cannot be made. */
  constructor(path: string) {
    this.#file = new CaptureFile(path);
  }

  /** Events that the copy shows. */
  get written(): number {
    return this.#written;
  }

  /** A sink that gives everything to `replay` first. */
  beside(replay: Replay): CaptureSink {
    return {
      host: (entries) => {
        replay.host(entries);
        this.#file.section(entries);
      },
      event: (event, isShown) => {
        replay.event(event, isShown);
        const isMeant = replay.wasShown;
        if (isMeant) this.#written += 1;
        if (isMeant || event.type === undefined || event.type.flags.includes("MODIFIES_STATE"))
          this.#file.event(event, !isMeant);
      },
    };
  }

  close(): void {
    this.#file.close();
  }
}
