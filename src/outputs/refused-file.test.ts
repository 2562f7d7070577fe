import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { until } from "../../test/fixtures/until.ts";
import { Delivery } from "./delivery.ts";
import { RefusedFile } from "./refused-file.ts";

describe("RefusedFile", () => {
  let folder: string;
  let said: string[];
  const path = (): string => join(folder, "refused.jsonl");
  const opened = (maxBytes?: number): RefusedFile =>
    new RefusedFile({
      path: path(),
      onProblem: (text) => said.push(text),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "saker-refused-"));
    said = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("has what a destination refused, with its answer, and nothing else", async () => {
    const file = opened();
    const delivery = new Delivery(
      {
        name: "test",
        target: "the test",
        batch: { lines: 9, bytes: 1e6 },
        format: (news) => (news.kind === "alert" ? news.alert.rule : undefined),
        deliver: async () => ({ delivered: 1, refused: 1, reason: "it answers 400: no\u001b[2J" }),
        close: async () => {},
      },
      { onProblem: (text) => said.push(text), onNote: () => {}, refused: file },
    );
    for (const rule of ["good", "bad\nline"]) delivery.take(alertNews({ rule }));
    await until("the answer", () => delivery.counts().delivered === 1);
    await delivery.close();
    await file.close();
    const [line = "", ...rest] = readFileSync(path(), "utf8").trimEnd().split("\n");
    const { time, ...kept } = JSON.parse(line) as Record<string, string>;
    assert.ok(Date.parse(time ?? "") > 0);
    const reason = "it answers 400: no\u001b[2J";
    assert.deepEqual(kept, { output: "test", target: "the test", reason, line: "bad\nline" });
    assert.deepEqual(rest, []);
    assert.match(said.join(), /what is refused is kept in ".*refused\.jsonl"/);
    assert.equal(statSync(path()).mode & 0o777, 0o640);
  });

  it("is bounded on the disk and in memory", async () => {
    const file = opened(1000);
    const about = { output: "o", target: "t", reason: "r" };
    for (let count = 0; count < 32; count += 1) {
      file.keep({ ...about, lines: ["x".repeat(100)] });
      await file.close();
    }
    assert.ok(statSync(path()).size < 1000 && statSync(`${path()}.1`).size < 1300);
    file.keep({ ...about, lines: Array.from({ length: 5000 }, String) });
    await file.close();
    assert.match(readFileSync(`${path()}.1`, "utf8"), /\n{"leftOut":4000}\n$/);
    assert.deepEqual(said, []);
  });

  it("follows no link, and says once that it cannot write", async () => {
    symlinkSync("/tmp/elsewhere", path());
    const file = opened();
    for (const line of ["one", "two"]) {
      file.keep({ output: "o", target: "t", reason: "r", lines: [line] });
      await file.close();
    }
    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", /^Cannot keep what outputs refuse in ".*refused.jsonl": .*ELOOP/);
  });
});
