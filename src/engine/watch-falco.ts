import { factsOfAlert } from "./alert-facts.ts";
import { AlertWatch } from "./alert-watch.ts";
import { type HostGround, orAborted, reportsText } from "./host-ground.ts";
import type { FalcoWatchSource, Watch } from "./watch-options.ts";

/** Watches a running Falco's alerts. Throws `USAGE_FILE` where they cannot be read. */
export async function watchFalco(
  ground: HostGround,
  { input, name = "standard input" }: FalcoWatchSource,
): Promise<Watch> {
  const { options, news, containers, ports, repeated, publish } = ground;
  const { fields } = options.settings.repeats;
  await orAborted(containers.start(), options.signal);
  const watch = new AlertWatch({
    containers,
    publish,
    onAlert: (alert) => repeated.alert(factsOfAlert(alert, fields), alert.time, () => alert),
    ports: options.reports === undefined ? undefined : ports,
    startedAt: BigInt(Date.now()) * 1_000_000n,
  });
  const from = typeof input === "string" ? input : name;
  publish({ kind: "note", text: `watching Falco's alerts from ${from}${reportsText(options)}` });
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<"over">();
  // Who does not wait for the end has no use for its reason.
  ended.catch(() => {});
  if (typeof input === "string") {
    const text = `${input} is not there yet: waiting for it`;
    if (!watch.follow(input)) publish({ kind: "note", text });
  } else void watch.read(input).then(() => end("over"), fail);
  return {
    news,
    ended,
    stats: () => ({ ...ground.stats(), falco: watch.stats() }),
    useRules: () => {},
    examine: (port) => ground.ports.examineAgain(port),
    close: async () => {
      watch.close();
      ground.close();
    },
  };
}
