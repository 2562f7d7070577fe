import type { WatchHealth } from "../../src/web/schemas/health.ts";
import { Facts } from "../parts/facts.tsx";
import { countText } from "../parts/numbers.ts";
import { spanText } from "../parts/times.ts";

/** Where events come from, and how many. */
export function WatchPart({ watch, now }: { watch: WatchHealth | null; now: Date }) {
  return (
    <section>
      <h2>Watch</h2>
      {watch === null ? (
        <p class="fair">The watch did not answer.</p>
      ) : (
        <Facts facts={factsOf(watch, now)} />
      )}
    </section>
  );
}

function factsOf(watch: WatchHealth, now: Date): (readonly [string, string])[] {
  const { events, ports } = watch;
  return [
    ["host", watch.hostname],
    ["kernel", watch.kernel],
    ["source", watch.source],
    ["version", watch.version],
    ["runs since", spanText(now.getTime() - watch.startedAt)],
    ["rules", countText(watch.rules)],
    ...(events === null
      ? []
      : ([
          ["events in the kernel", countText(events.seen)],
          ["no rule can match", countText(events.keptInKernel)],
          ["events sent", countText(events.sent)],
        ] as const)),
    ...(ports === null
      ? []
      : ([
          ["ports open", countText(ports.open)],
          ["ports examined", countText(ports.examined)],
          ["not examined", countText(ports.notExamined)],
        ] as const)),
    ["pieces of news", countText(watch.published)],
    ["alerts silenced", countText(watch.silenced)],
  ];
}
