// The contract that every output keeps, on the real thing behind each.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { HARNESSES, type Open } from "../../test/fixtures/output-harnesses.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import { FileClaims } from "./file-claims.ts";
import { linesLost } from "./output.ts";
import { OUTPUT_KINDS } from "./registry.ts";

/** What these lack can be seen on this host. */
const ON_THIS_HOST = new Set(["stdout_output", "file_output", "syslog_output"]);

const HOSTILE = [
  "plain",
  "two\nlines\r\nand\u0000nul",
  `quotes " ' \` \\ $(touch /tmp/x) %s%n`,
  "turned \u202egnp.exe, split \u2028 \u2029, C1 \u009b31m\u0085",
  "lone \udc80 surrogate, emoji \u{1f980}",
  "x".repeat(65_536),
  "<!channel> @everyone [a](http://b) </pre><script>",
];

async function opened(t: { after(fn: () => void): void }, open: Open) {
  const folder = mkdtempSync(join(tmpdir(), "saker-contract-"));
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const harness = await open(folder, {
    format: { isoTime: false, utcOffsetMinutes: () => 0 },
    json: true,
    stdout: { stream: new PassThrough() },
    environment: { PATH: "/usr/bin:/bin" },
    claims: new FileClaims(),
    onProblem: say,
    onNote: say,
  });
  t.after(() => {
    harness.end();
    rmSync(folder, { recursive: true, force: true });
  });
  const delivery = new Delivery(harness.destination, {
    firstPauseMs: 1,
    slowMs: 60_000,
    onProblem: say,
    onNote: say,
  });
  const messages = (): string[] =>
    harness.received().map((line) => String(JSON.parse(line).output).slice(28));
  return { delivery, harness, said, messages };
}

for (const [name, open] of Object.entries(HARNESSES)) {
  const skip = open.missing ?? false;
  test(`${name}: hostile text arrives whole, a line each, in order`, { skip }, async (t) => {
    const { delivery, messages, said, harness } = await opened(t, open);
    const { name: section, outbox } = harness.destination;
    assert.equal(
      outbox === undefined,
      ON_THIS_HOST.has(section),
      "who sends elsewhere is kept for",
    );
    if (harness.isForPeople === true) return t.skip("its text is cut and written out");
    for (const message of HOSTILE) delivery.take(alertNews({ message }));
    const counts = await delivery.close(60_000);
    assert.equal(counts.delivered, HOSTILE.length);
    await until("it has arrived", () => harness.received().length === HOSTILE.length);
    assert.deepEqual(
      messages(),
      HOSTILE.map((message) => message.toWellFormed()),
    );
    for (const line of harness.received())
      // oxlint-disable-next-line no-control-regex -- none may be there
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
    assert.deepEqual(said, []);
  });

  test(
    `${name}: what is not an alert is left, and after the end it is counted`,
    { skip },
    async (t) => {
      const { delivery, harness } = await opened(t, open);
      delivery.take({ kind: "problem", text: "x", sequence: 1, time: 0n, host: "h" });
      const counts = await delivery.close();
      delivery.take(alertNews());
      assert.equal(counts.delivered + counts.waiting + linesLost(counts), 0);
      assert.equal(linesLost(delivery.counts()), 1);
      assert.equal(harness.received().length, 0);
    },
  );

  test(
    `${name}: a fault is reported once, what waits arrives when it is over`,
    { skip },
    async (t) => {
      const { delivery, harness, messages, said } = await opened(t, open);
      if (harness.fault === undefined) return t.skip("a fault of this one is no pause");
      harness.fault.begin();
      for (const message of ["a", "b", "c"]) delivery.take(alertNews({ message }));
      await until("it is reported", () => said.length === 1);
      harness.fault.end();
      await until("all is delivered", () => delivery.counts().delivered === 3);
      await delivery.close(60_000);
      await until("it has arrived", () => harness.received().length === 3);
      assert.deepEqual(messages(), ["a", "b", "c"]);
      assert.match(
        said.join("\n"),
        /^Cannot write to .*; alerts wait.*\nWriting to .* works again$/,
      );
    },
  );

  test(
    `${name}: the end in the middle of a fault says what was not delivered`,
    { skip },
    async (t) => {
      const { delivery, harness, said } = await opened(t, open);
      if (harness.fault === undefined) return t.skip("a fault of this one is no pause");
      harness.fault.begin();
      for (const message of ["a", "b", "c"]) delivery.take(alertNews({ message }));
      await until("it is reported", () => said.length === 1);
      const counts = await delivery.close();
      assert.deepEqual([counts.delivered, counts.waiting, linesLost(counts)], [0, 0, 3]);
      assert.equal(Object.keys(counts.dropped).length, 1);
      assert.equal(said.length, 1);
    },
  );
}

test("every kind of output has its contract tested", () => {
  const tested = new Set(Object.keys(HARNESSES).map((name) => name.split(",")[0]));
  assert.deepEqual(tested, new Set(Object.keys(OUTPUT_KINDS)));
});
