import type { AlertCounts } from "../../src/web/schemas/alert.ts";
import { API } from "../data/api.ts";
import { here, withQuery } from "../data/route.ts";
import { countText } from "../parts/numbers.ts";
import type { AlertFeed } from "./alert-feed.ts";

/** How many there are, whether they move, and the way out as a file. */
export function AlertBar({
  feed,
  total,
  silenced = 0,
}: {
  feed: AlertFeed;
  total: AlertCounts | undefined;
  silenced: number | undefined;
}) {
  const isPaused = feed.isPaused.value;
  const waiting = feed.waiting.value;
  return (
    <div class="bar">
      <span>
        <b>{total === undefined ? "…" : countText(total.total)}</b>{" "}
        {total?.total === 1 ? "alert" : "alerts"}
        {total?.countedSince != null && ` since ${momentOf(total.countedSince)}, older not counted`}
      </span>
      <Silenced count={silenced} />
      <button
        type="button"
        class="small"
        aria-pressed={isPaused}
        title="Space"
        onClick={() => feed.pause(!isPaused)}
      >
        {isPaused ? "Go on" : "Pause"}
      </button>
      {waiting > 0 && (
        <button type="button" class="small fresh" onClick={() => feed.release()}>
          {countText(waiting)} new
        </button>
      )}
      <span class="grow" />
      <Export feed={feed} format="csv" text="CSV" />
      <Export feed={feed} format="jsonl" text="JSON lines" />
    </div>
  );
}

/** Silenced alerts are shown, or left out, by one step. */
function Silenced({ count }: { count: number }) {
  const shown = here.value.searchParams.get("silenced");
  if (count === 0 && shown === null) return null;
  return (
    <a class="button small" href={withQuery({ silenced: shown === null ? "all" : undefined })}>
      {shown === null ? `Show ${countText(count)} silenced` : "Hide silenced"}
    </a>
  );
}

function Export({ feed, format, text }: { feed: AlertFeed; format: string; text: string }) {
  const query = new URLSearchParams(feed.query);
  query.set("format", format);
  return (
    <a
      class="button small"
      href={`${API}/alerts/export?${query}`}
      download
      title="All that the filter lets through"
    >
      {text}
    </a>
  );
}

function momentOf(id: number): string {
  return new Date(id / 1000).toLocaleString("en-GB");
}
