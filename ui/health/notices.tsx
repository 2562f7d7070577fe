import { escaped } from "../../src/reports/escaped.ts";
import type { Notice } from "../../src/web/schemas/health.ts";
import { Empty } from "../parts/empty.tsx";

/** Losses, problems and notes, newest first. */
export function Notices({ notices }: { notices: readonly Notice[] }) {
  return (
    <section>
      <h2>Problems and notes</h2>
      {notices.length === 0 && <Empty title="None so far" />}
      <ul class="notices">
        {notices.map(({ id, kind, text, count }) => (
          <li key={id} class={TONES[kind]}>
            <time>{new Date(id / 1000).toLocaleString("en-GB")}</time> <b>{kind}</b>{" "}
            {count !== null && `${count} `}
            {escaped(text)}
          </li>
        ))}
      </ul>
    </section>
  );
}

const TONES = { loss: "bad", problem: "fair", note: "dim" } as const;
