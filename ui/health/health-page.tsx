import type { Health, NoticePage } from "../../src/web/schemas/health.ts";
import { useReloads } from "../data/use-reloads.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { Facts } from "../parts/facts.tsx";
import { countText } from "../parts/numbers.ts";
import { Trouble } from "../parts/trouble.tsx";
import { useEffect } from "preact/hooks";
import { useNow } from "../parts/use-now.ts";
import { Losses } from "./losses.tsx";
import { Notices } from "./notices.tsx";
import { Outputs } from "./outputs.tsx";
import { StorePart } from "./store-part.tsx";
import { WatchPart } from "./watch-part.tsx";

/** What is watched, what was lost, where alerts go, and since when they are kept. */
export function HealthPage() {
  const health = useLoaded<Health>("/health");
  const notices = useLoaded<NoticePage>("/notices?limit=100");
  useReloads(["notice"], notices.reload);
  useEffect(() => {
    const timer = setInterval(health.reload, REFRESH_MS);
    return () => clearInterval(timer);
  }, [health.reload]);
  const now = useNow();
  const { value } = health;
  return (
    <main class="page health">
      <h1>Health</h1>
      {health.error !== undefined && <Trouble error={health.error} retry={health.reload} />}
      {value !== undefined && (
        <>
          <Losses health={value} />
          <div class="columns">
            <WatchPart watch={value.watch} now={now} />
            <StorePart store={value.store} now={now} />
            <section>
              <h2>Pages that are open</h2>
              <Facts
                facts={[
                  ["follow the news", countText(value.readers.open)],
                  ["read later, being slow", countText(value.readers.missed)],
                ]}
              />
            </section>
          </div>
          <Outputs outputs={value.watch?.outputs ?? []} />
        </>
      )}
      {notices.value !== undefined && <Notices notices={notices.value.notices} />}
    </main>
  );
}

const REFRESH_MS = 5000;
