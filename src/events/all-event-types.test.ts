import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ALL_EVENT_TYPES } from "./all-event-types.ts";
import { EVENT_TYPES, type EventType } from "./schema.ts";

const REFERENCE = fileURLToPath(
  new URL("../../../shared/reference/event_table.json", import.meta.url),
);
const skip = !existsSync(REFERENCE) && "needs ../shared/reference/event_table.json";

interface Reference {
  readonly code: number;
  readonly name: string;
  readonly category: number;
  readonly flags: readonly string[];
  readonly params: readonly {
    name: string;
    type: string;
    fmt: string;
    names?: Readonly<Record<string, number>>;
  }[];
}

test(
  "ALL_EVENT_TYPES is the real engine's table: names, categories, flags, parameters",
  { skip },
  () => {
    const { events } = JSON.parse(readFileSync(REFERENCE, "utf8")) as { events: Reference[] };
    assert.equal(ALL_EVENT_TYPES.length, events.length);
    for (const { code, name, category, flags, params } of events) {
      const wanted = {
        code,
        name,
        source: SOURCES[category >> 9],
        category: CATEGORIES[category & 0x1ff],
        flags: flags.toSorted(),
        // "NA" is how the reference says that a format has no meaning; ours says decimal then.
        params: params.map(({ name, type, fmt, names }) => ({
          name,
          type,
          format: fmt === "NA" ? "DEC" : fmt,
          ...(names === undefined ? {} : { names: Object.entries(names) }),
        })),
      };
      assert.deepEqual(described(ALL_EVENT_TYPES[code]!), wanted);
    }
  },
);

test("EVENT_TYPES holds those of ALL_EVENT_TYPES that rules are asked about: live exits and meta events, one of each name", () => {
  const enters = new Set(["open", "connect", "creat", "drop", "openat", "openat2"]);
  const live = ALL_EVENT_TYPES.filter(
    ({ code, name, flags }) =>
      !flags.includes("OLD_VERSION") &&
      !flags.includes("UNUSED") &&
      !(code % 2 === 0 && enters.has(name)),
  );
  assert.deepEqual(
    EVENT_TYPES.filter((type) => type !== undefined),
    live,
  );
  assert.equal(new Set(live.map((type) => type.name)).size, live.length);
});

function described(type: EventType): object {
  const params = type.params.map(({ names, ...param }) => ({
    ...param,
    ...(names === undefined ? {} : { names: Object.entries(names) }),
  }));
  return { ...type, flags: type.flags.toSorted(), params };
}

/** scap's category, bits 9 and up (`EC_*`). */
const SOURCES: Readonly<Record<number, EventType["source"]>> = {
  0: "none",
  1: "syscall",
  2: "tracepoint",
  4: "plugin",
  8: "metaevent",
  16: "iterator",
};

/** scap's category, below. */
const CATEGORIES: Readonly<Record<number, EventType["category"]>> = {
  0: "none",
  1: "other",
  2: "file",
  3: "net",
  4: "ipc",
  5: "memory",
  6: "process",
  7: "sleep",
  8: "system",
  9: "signal",
  10: "user",
  11: "time",
  12: "processing",
  32: "io_read",
  33: "io_write",
  34: "io_other",
  64: "wait",
  128: "scheduler",
  256: "internal",
};
