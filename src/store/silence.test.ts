import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { until } from "../../test/fixtures/until.ts";
import type { Alert } from "../alerts/alert.ts";
import { SilenceBook } from "./silence-book.ts";
import { addSilence, readSilences, removeSilence } from "./silence-folder.ts";
import {
  isMeant,
  newSilence,
  parseSilence,
  SILENCE_LIMITS,
  type SilenceRequest,
} from "./silence.ts";

const HOUR = 3_600_000;
const REQUEST: SilenceRequest = { rule: "R", fields: {}, because: "noise", ms: HOUR };
const made = (rest: Partial<SilenceRequest>) =>
  newSilence({ ...REQUEST, ...rest }, { id: "0000000a", now: 1000 });

function alertOf(rest: Partial<Alert>): Alert {
  return alertNews({ rule: "R", ...rest }).alert;
}

describe("newSilence", () => {
  const REFUSED: readonly [title: string, rest: Partial<SilenceRequest>, text: RegExp][] = [
    ["no rule", { rule: "" }, /name of a rule/],
    ["a blank reason", { because: "  " }, /needs a reason/],
    ["a long reason", { because: "x".repeat(501) }, /at most 500/],
    ["no end", { ms: 0 }, /needs an end/],
    ["an end that is no number", { ms: Number.NaN }, /needs an end/],
    ["an end without an end", { ms: Number.POSITIVE_INFINITY }, /at most 90 days/],
    ["a year", { ms: 365 * 24 * HOUR }, /at most 90 days/],
    ["a long value", { fields: { "proc.name": "x".repeat(5000) } }, /at most 4096/],
    [
      "many fields",
      { fields: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`f${at}`, ""])) },
      /at most 16/,
    ],
  ];
  for (const [title, rest, text] of REFUSED)
    it(`refuses ${title}`, () =>
      assert.throws(() => made(rest), { code: "USAGE_SILENCE", message: text }));

  it("is read again as it was written, and nothing else is", () => {
    const silence = made({ fields: { "container.name": "web" } });
    assert.deepEqual(parseSilence(JSON.stringify(silence)), silence);
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      "{}",
      JSON.stringify({ ...silence, fields: { a: 1 } }),
    ])
      assert.equal(parseSilence(text), undefined, text);
    assert.equal(parseSilence(JSON.stringify({ ...silence, until: 1e300 })), undefined);
    assert.equal(parseSilence(JSON.stringify({ ...silence, because: undefined })), undefined);
  });
});

describe("isMeant", () => {
  const outputFields = {
    "container.name": "web",
    "fd.sport": 80,
    "proc.name": null,
    "fd.ip": ["::1", "10.0.0.1"],
  };
  const CASES: readonly [fields: Record<string, string>, isMeant: boolean][] = [
    [{}, true],
    [{ "container.name": "web" }, true],
    [{ "container.name": "web", "fd.sport": "80" }, true],
    [{ "container.name": "we" }, false],
    [{ "fd.ip": "10.0.0.1" }, true],
    [{ "proc.name": "<NA>" }, true],
    [{ "no.such": "<NA>" }, false],
    [{ toString: "x" }, false],
  ];
  for (const [fields, expected] of CASES)
    it(`${expected ? "takes" : "leaves"} ${JSON.stringify(fields)}`, () =>
      assert.equal(isMeant(made({ fields }), alertOf({ outputFields })), expected));
  it("leaves another rule", () => assert.equal(isMeant(made({}), alertOf({ rule: "R 2" })), false));
});

describe("SilenceBook", () => {
  let folder: string;
  let now: number;
  let said: string[];
  let problems: string[];
  const book = () =>
    new SilenceBook({
      folder,
      now: () => now,
      isRule: (name) => name === REQUEST.rule,
      onNote: (text) => said.push(text),
      onProblem: (text) => problems.push(text),
    });
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), "saker-silence-")), "store", "silences");
    [now, said, problems] = [1000, [], []];
  });
  afterEach(() => rmSync(join(folder, "../.."), { recursive: true, force: true }));

  it("silences until the end, tells of both, and knows its counts after a restart", async () => {
    const first = book();
    await first.start();
    const { id } = await first.add(REQUEST);
    assert.equal(first.silencedBy(alertOf({})), id);
    assert.equal(first.silencedBy(alertOf({ rule: "other" })), undefined);
    await first.close();
    const second = book();
    await second.start();
    assert.equal(second.silencedBy(alertOf({})), id);
    assert.deepEqual(
      second.list().map(({ count }) => count),
      [2],
    );
    now += HOUR;
    assert.equal(second.silencedBy(alertOf({})), undefined);
    await second.close();
    assert.match(
      said.at(-1) ?? "",
      /^silence \w{8} of "R" has ended: 2 alerts were silenced \(noise\)$/,
    );
    assert.deepEqual(second.list(), []);
    assert.deepEqual(readdirSync(folder), ["counts.json"]);
    assert.deepEqual(problems, []);
  });

  it("silences by what its file says now, and tells of it", async (t) => {
    const one = book();
    await one.start();
    t.after(() => one.close());
    const { id, count: _, ...silence } = await one.add(REQUEST);
    writeFileSync(
      join(folder, `${id}.json`),
      JSON.stringify({ ...silence, id, rule: "other", until: silence.until - 1 }),
    );
    // Looks, and ends none.
    await one.end("00000000");
    assert.equal(one.silencedBy(alertOf({})), undefined);
    assert.equal(one.silencedBy(alertOf({ rule: "other" })), id);
    assert.match(said.at(-1) ?? "", /^silence \w{8}: alerts of "other" are kept .*no rule/);
  });

  it("says when no rule has the name", async () => {
    const one = book();
    await one.start();
    await one.add(REQUEST);
    assert.doesNotMatch(said.at(-1) ?? "", /no rule/);
    await one.add({ ...REQUEST, rule: "misspelt" });
    assert.match(said.at(-1) ?? "", /"misspelt" .*; no rule that is loaded has this name$/);
    await one.close();
  });

  it("takes up what another program adds and ends", async () => {
    const one = book();
    await one.start();
    let held: number | undefined;
    one.follow((silences) => (held = silences.length));
    const { id } = await addSilence(folder, REQUEST, now);
    await one.close();
    assert.equal(held, 1);
    assert.equal(one.silencedBy(alertOf({})), id);
    assert.equal(await removeSilence(folder, id), true);
    assert.equal(await removeSilence(folder, id), false);
    await one.close();
    assert.equal(held, 0);
    assert.match(said.at(-1) ?? "", /has ended: 1 alert was silenced/);
  });

  it("takes up what is changed in the very moment of a look, and what is changed in place", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const one = book();
    await one.start();
    const held = (): readonly number[] => one.list().map((silence) => silence.until);
    const keep = (number: number, end: number): void => {
      const silence = { ...newSilence(REQUEST, { id: `0000000${number}`, now }), until: end };
      writeFileSync(join(folder, `${silence.id}.json`), JSON.stringify(silence), { mode: 0o600 });
    };
    const seen = (ends: readonly number[]): Promise<unknown> =>
      until("it to be seen", () => {
        t.mock.timers.tick(1000);
        return held().join() === ends.join();
      });
    const ends: number[] = [];
    for (const number of [1, 3, 5, 7]) {
      for (const changed of [number, number + 1]) ends.push(now + changed);
      keep(number, now + number);
      t.mock.timers.tick(1000);
      // Soon enough for the same tick of the file system's clock.
      while (held().length < number) await new Promise(setImmediate);
      keep(number + 1, now + number + 1);
      await seen(ends);
      // Looks at rest.
      for (let looks = 0; looks < 4; looks += 1) {
        t.mock.timers.tick(1000);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    keep(1, now + 9);
    await seen([...ends.slice(1), now + 9]);
    await one.close();
  });

  it("never silences what Saker says of its own losses", async () => {
    const one = book();
    await one.start();
    await one.add(REQUEST);
    assert.equal(one.silencedBy(alertOf({ source: "internal" })), undefined);
    await one.close();
  });

  it("believes no file that others could have written, and says so once", async () => {
    const one = book();
    await one.start();
    const { id } = await addSilence(folder, REQUEST, now);
    chmodSync(join(folder, `${id}.json`), 0o666);
    writeFileSync(join(folder, "0badc0de.json"), "{}");
    writeFileSync(join(folder, "../../elsewhere"), "{}");
    mkdirSync(join(folder, "00000001.json"));
    await one.close();
    await one.close();
    assert.equal(one.silencedBy(alertOf({})), undefined);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /00000001\.json/);
  });

  it("refuses a folder that others can write to", async () => {
    mkdirSync(join(folder, ".."), { recursive: true });
    chmodSync(join(folder, ".."), 0o777);
    const one = book();
    await one.start();
    assert.match(problems[0] ?? "", /others can write to it; nothing is silenced/);
    await assert.rejects(one.add(REQUEST), { code: "CONFIG_STORE" });
    await one.close();
  });

  it("follows no link that is put in its folder's place, and writes nothing there", async () => {
    const one = book();
    await one.start();
    const { id } = await one.add(REQUEST);
    assert.equal(one.silencedBy(alertOf({})), id);
    const [store, other] = [join(folder, ".."), join(folder, "../../other")];
    mkdirSync(join(other, "silences"), { recursive: true, mode: 0o750 });
    writeFileSync(join(other, "silences", "counts.json"), "precious");
    const forged = { ...newSilence(REQUEST, { id: "0badc0de", now }) };
    writeFileSync(join(other, "silences", "0badc0de.json"), JSON.stringify(forged), {
      mode: 0o600,
    });
    renameSync(store, `${store}.old`);
    symlinkSync(other, store);
    await one.close();
    assert.equal(one.silencedBy(alertOf({})), undefined);
    assert.match(problems.join(), /it is a link, or no folder/);
    assert.equal(readFileSync(join(other, "silences", "counts.json"), "utf8"), "precious");
    await assert.rejects(addSilence(folder, REQUEST, now), { code: "CONFIG_STORE" });
  });

  it("holds a hundred, and no more", async () => {
    for (let count = 0; count < SILENCE_LIMITS.silences; count += 1)
      await addSilence(folder, REQUEST, now);
    await assert.rejects(addSilence(folder, REQUEST, now), /there are 100 silences already/);
    // Those that have ended do not count.
    await addSilence(folder, REQUEST, now + HOUR);
    assert.equal((await readSilences(folder)).silences.size, 101);
  });

  it("removes nothing but silences", async () => {
    await addSilence(folder, REQUEST, now);
    for (const id of ["../saker.db", "counts", "", "0000000a/../counts"])
      assert.equal(await removeSilence(folder, id), false, id);
  });
});
