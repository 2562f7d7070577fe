import type { RefObject } from "preact";
import { escaped } from "../../src/reports/escaped.ts";
import { go, here, withQuery } from "../data/route.ts";
import { filterParts, isFiltered, momentOf, SPANS, toggled, unfiltered } from "./alert-filter.ts";

/** Words to search for, the span of time, and each part of the filter with a way to take it out. */
export function FilterBar({ search }: { search: RefObject<HTMLInputElement | null> }) {
  const query = here.value.searchParams;
  return (
    <div class="filter-bar">
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          const text = search.current?.value.trim() ?? "";
          if (FIELD.test(text)) go(toggled("field", text));
          else go(withQuery({ text: text === "" ? undefined : text }));
        }}
      >
        <input
          type="search"
          ref={search}
          key={query.get("text") ?? ""}
          defaultValue={query.get("text") ?? ""}
          placeholder="Search outputs, or NAME=VALUE"
          aria-label="Search in outputs"
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
      </form>
      <div class="spans" role="group" aria-label="Span of time">
        {Object.keys(SPANS).map((name) => (
          <Span key={name} name={name} />
        ))}
        <Span name={undefined} />
      </div>
      {filterParts(query).map(({ name, value }) => (
        <a
          key={`${name}=${value}`}
          class={`part${name.endsWith("!") ? " excluded" : ""}`}
          href={toggled(name, value)}
          title="Take this out of the filter"
        >
          {partText(name, value)} <span aria-hidden="true">×</span>
        </a>
      ))}
      {isFiltered(query) && (
        <a class="clear" href={unfiltered()}>
          Clear all
        </a>
      )}
    </div>
  );
}

/** `proc.name=nc`: the name of a field and what it is to be. */
const FIELD = /^[a-z][\w.]*(\[[^\]]*\])?=./;

function Span({ name }: { name: string | undefined }) {
  const query = here.value.searchParams;
  const isChosen =
    name === undefined
      ? !["last", "since", "until"].some((one) => query.has(one))
      : query.get("last") === name;
  return (
    <a aria-current={isChosen} href={withQuery({ last: name, since: undefined, until: undefined })}>
      {name ?? "all"}
    </a>
  );
}

function partText(name: string, value: string): string {
  const isLeftOut = name.endsWith("!");
  const plain = name.replace("!", "");
  if (plain === "since" || plain === "until")
    return `${plain} ${new Date(momentOf(value) ?? 0).toLocaleString("en-GB")}`;
  const text = escaped(value);
  if (plain !== "field") return `${plain} ${isLeftOut ? "≠" : "="} ${text}`;
  return isLeftOut ? text.replace("=", " ≠ ") : text.replace("=", " = ");
}
