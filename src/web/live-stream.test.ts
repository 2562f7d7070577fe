import assert from "node:assert/strict";
import { get, type IncomingMessage } from "node:http";
import { after, before, describe, it } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { openSite, type TestSite } from "../../test/fixtures/site.ts";
import { until } from "../../test/fixtures/until.ts";
import { STREAM_EVENTS } from "./schemas/stream.ts";

type Name = keyof typeof STREAM_EVENTS;

describe("the stream", () => {
  let site: TestSite;
  before(async () => {
    site = await openSite();
  });
  after(() => site.close());

  /** A reader whose text so far is `text`. */
  const read = async (query = "", headers: Record<string, string> = {}) => {
    let text = "";
    const response = await new Promise<IncomingMessage>((resolve) => {
      const all = { authorization: `Bearer ${site.token}`, ...headers };
      get(`${site.url}/api/v1/stream${query}`, { headers: all }, resolve);
    });
    response.on("data", (piece: Buffer) => (text += piece.toString())).on("error", () => {});
    await until("the stream to begin", () => text.includes("retry:"));
    const events = () =>
      [...text.matchAll(/^event: (\S+)\n(?:id: (\d+)\n)?data: (.*)$/gm)].map(
        ([, name, id, data]) => ({
          name: name as Name,
          id: Number(id),
          data: JSON.parse(data ?? "") as never,
        }),
      );
    return { response, events, close: () => response.destroy() };
  };

  it("tells everything that is kept, as its schemas say", async () => {
    const reader = await read();
    const port = { protocol: "tcp", address: "::", port: 5, namespace: 1 } as const;
    await site.store.append([
      alertNews({ message: "live" }, 1),
      { kind: "port-opened", sequence: 2, time: 1n, host: "h", port },
      { kind: "port-closed", sequence: 3, time: 1n, host: "h", port },
      { kind: "problem", sequence: 4, time: 1n, host: "h", text: "p" },
    ]);
    await until("four events", () => reader.events().length === 4);
    const names = reader.events().map(({ name, data }) => {
      STREAM_EVENTS[name].parse(data);
      return name;
    });
    assert.deepEqual(names, ["alert", "port-opened", "port-closed", "notice"]);
    reader.close();
  });

  it("tells of the alerts alone that a filter means", async () => {
    const reader = await read("?rule=Wanted&text=wor&field!=fd.sport%3D1");
    await site.store.append([
      alertNews({ rule: "Other", message: "word" }),
      alertNews({ rule: "Wanted", message: "word", outputFields: { "fd.sport": 1 } }),
      alertNews({ rule: "Wanted", message: "else" }),
      alertNews({ rule: "Wanted", message: "a word" }),
    ]);
    await until("one event", () => reader.events().length === 1);
    assert.match(JSON.stringify(reader.events()[0]?.data), /a word/);
    reader.close();
  });

  it("tells of no alerts of another time, or of a rule without a name", async () => {
    const past = await read("?until=2020-01-01T00:00:00Z");
    const nameless = await read("?rule=");
    await site.store.append([
      alertNews({ rule: "Now" }),
      { kind: "note", sequence: 9, time: 1n, host: "h", text: "n" },
    ]);
    for (const reader of [past, nameless]) {
      await until("the note", () => reader.events().length > 0);
      assert.deepEqual(
        reader.events().map(({ name }) => name),
        ["notice"],
      );
      reader.close();
    }
  });

  it("goes on where a reader left off", async () => {
    await site.store.append([alertNews({ rule: "Resumed", message: "first" })]);
    const after = site.store.newest;
    await site.store.append([alertNews({ rule: "Resumed", message: "second" })]);
    const reader = await read("?rule=Resumed", { "last-event-id": String(after) });
    await until("the second", () => reader.events().length === 1);
    assert.match(JSON.stringify(reader.events()), /second/);
    reader.close();
  });

  it("says how much a reader missed that comes back late", async () => {
    const after = site.store.newest;
    await site.store.append(Array.from({ length: 600 }, () => alertNews({ rule: "Many" })));
    const reader = await read("?rule=Many", { "last-event-id": String(after) });
    await until("the gap", () => reader.events().length === 1);
    assert.deepEqual(reader.events()[0]?.data, { gap: 500, after });
    reader.close();
  });

  it("says how much a slow reader missed, and holds nobody", async () => {
    const slow = await read("?rule=Flood");
    slow.response.pause();
    const quick = await read("?rule=Flood");
    const message = "m".repeat(20_000);
    let sent = 0;
    for (
      ;
      sent < 2000 && slowMissed(await (await site.get("/api/v1/health")).json()) === 0;
      sent += 100
    )
      await site.store.append(
        Array.from({ length: 100 }, () => alertNews({ rule: "Flood", message })),
      );
    slow.response.resume();
    await until("the gap", () => slow.events().some(({ name }) => name === "gap"));
    await until("the quick reader's alerts", () => quick.events().length > 0);
    const gap = slow.events().find(({ name }) => name === "gap");
    assert.ok(((gap?.data as { gap: number } | undefined)?.gap ?? 0) > 0);
    slow.close();
    quick.close();
  });

  it("has no more than so many readers", async () => {
    const readers = [];
    for (let count = 0; count < 32; count += 1) readers.push(await read());
    assert.equal((await site.get("/api/v1/stream")).status, 503);
    for (const reader of readers) reader.close();
  });
});

function slowMissed(health: unknown): number {
  return (health as { readers: { missed: number } }).readers.missed;
}
