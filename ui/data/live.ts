import { signal } from "@preact/signals";
import type { StreamEvents } from "../../src/web/schemas/stream.ts";
import type { Session } from "../../src/web/schemas/session.ts";
import { API, isSignedOut, read } from "./api.ts";

/** Whether news come in: `lost` while the server does not answer. */
export const liveState = signal<"connecting" | "live" | "lost">("connecting");

/** What to do with each event of the stream. */
export type LiveHandlers = {
  readonly [Name in keyof StreamEvents]?: (data: StreamEvents[Name]) => void;
} & {
  /** The stream is there, for the first time or again: what came before it is to be read. */
  readonly opened?: () => void;
};

/**
 * Hears the page's one stream until the returned function is called. `alerts` is the filter of the
 * alerts that are wanted; who leaves it out wants none.
 */
export function follow(handlers: LiveHandlers, alerts = NO_ALERTS): () => void {
  heard.add(handlers);
  if (alerts !== NO_ALERTS || source === undefined) open(alerts);
  else if (source.readyState === EventSource.OPEN) handlers.opened?.();
  return () => {
    heard.delete(handlers);
    if (alerts !== NO_ALERTS && alerts === wanted) open(NO_ALERTS);
  };
}

/** No rule has an empty name. */
const NO_ALERTS = "rule=";

const heard = new Set<LiveHandlers>();
let source: EventSource | undefined;
let wanted = NO_ALERTS;
let timer: ReturnType<typeof setTimeout> | undefined;

/**
 * After a lost connection the browser goes on where it left off (Last-Event-ID); where it gives up
 * we begin anew.
 */
function open(alerts: string): void {
  clearTimeout(timer);
  source?.close();
  wanted = alerts;
  const stream = new EventSource(`${API}/stream?${alerts}`);
  source = stream;
  stream.addEventListener("open", () => {
    liveState.value = "live";
    for (const { opened } of heard) opened?.();
  });
  stream.addEventListener("error", () => {
    liveState.value = "lost";
    if (stream.readyState === EventSource.CLOSED) tryAgain();
  });
  for (const name of NAMES)
    stream.addEventListener(name, ({ data }: MessageEvent<string>) =>
      hear(name, JSON.parse(data) as StreamEvents[typeof name]),
    );
}

function hear<Name extends keyof StreamEvents>(name: Name, data: StreamEvents[Name]): void {
  for (const handlers of heard) (handlers as Handlers<Name>)[name]?.(data);
}

type Handlers<Name extends keyof StreamEvents> = {
  readonly [One in Name]?: (data: StreamEvents[One]) => void;
};

/** A closed stream does not say why it closed: another question does. */
function tryAgain(): void {
  timer = setTimeout(() => {
    read<Session>("/session").then(({ isLoggedIn }) => {
      isSignedOut.value = !isLoggedIn;
      return isLoggedIn ? open(wanted) : undefined;
    }, tryAgain);
  }, RETRY_MS);
}

const RETRY_MS = 2000;
const NAMES = [
  "alert",
  "port-opened",
  "port-closed",
  "audit",
  "notice",
  "gap",
] as const satisfies readonly (keyof StreamEvents)[];
