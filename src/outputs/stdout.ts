import type { Writable } from "node:stream";
import { messageOf } from "../lib/errors.ts";
import { errnoOf } from "../lib/errno.ts";
import { alertLine } from "./alert-line.ts";
import type { Answer, Destination } from "./destination.ts";
import { enabledOption, type Switch } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";

/** Falco's stdout_output: alerts on standard output, and nothing else among them. */
export const STDOUT_OUTPUT: OutputKind<Switch> = {
  section: "stdout_output",
  doc: "Alerts on standard output, a line each.",
  options: { enabled: enabledOption(true) },
  isOn: ({ enabled }) => enabled,
  open: (_, context) => new StdoutDestination(context),
};

class StdoutDestination implements Destination {
  readonly name = STDOUT_OUTPUT.section;
  readonly target = "standard output";
  readonly batch = { lines: 256, bytes: 64 << 10 };
  readonly #context: OutputContext;
  #gone: string | undefined;

  constructor(context: OutputContext) {
    this.#context = context;
    // A reader that goes away is an event of the stream, too, which would end the process.
    context.stdout.stream.on("error", this.#onError);
  }

  format(news: Parameters<Destination["format"]>[0]): string | undefined {
    const { format, stdout } = this.#context;
    const json = stdout.json ?? this.#context.json;
    const line = alertLine(news, { format, json });
    return line === undefined || json || news.kind !== "alert"
      ? line
      : (stdout.paint?.(news.alert, line) ?? line);
  }

  /** What was begun cannot be taken back, so this waits for the reader however long it takes. */
  async deliver(lines: readonly string[]): Promise<Answer> {
    const { stream } = this.#context.stdout;
    if (this.#gone === undefined) await this.#write(stream, `${lines.join("\n")}\n`);
    return this.#gone === undefined
      ? { delivered: lines.length }
      : { delivered: 0, reason: this.#gone, isGone: true };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #write(stream: Writable, text: string): Promise<void> {
    return new Promise((resolve) => {
      stream.write(text, (error) => {
        if (error) this.#onError(error);
        resolve();
      });
    });
  }

  readonly #onError = (error: Error): void => {
    this.#gone ??= errnoOf(error) === "EPIPE" ? "its reader went away" : messageOf(error);
  };
}
