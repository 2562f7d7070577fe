import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { type News, startWatch } from "./watch.ts";

const environment = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };

/** An alert as a running Falco writes it. */
function falcoLine(rule: string): string {
  const time = new Date().toISOString();
  return `${JSON.stringify({ hostname: "h", output: "o", output_fields: {}, priority: "Warning", rule, source: "syscall", tags: [], time })}\n`;
}

test("startWatch gives a Falco's alerts as news in one sequence, and ends with its stream", async () => {
  const falco = new PassThrough();
  const all: News[] = [];
  const watch = await startWatch({
    source: { falco },
    hostname: "here",
    environment,
    onNews: (news) => {
      all.push(news);
      if (news.kind === "alert") throw new Error("a reader that fails");
    },
  });
  falco.end(falcoLine("A") + falcoLine("B"));
  await watch.ended;
  await watch.close();
  const rules = all.flatMap((news) => (news.kind === "alert" ? [news.alert.rule] : []));
  assert.deepEqual(rules, ["A", "B"]);
  assert.deepEqual(
    all.map(({ sequence }) => sequence),
    all.map((_, index) => index + 1),
  );
  assert.ok(all.every(({ host }) => host === "here"));
  const problems = all.flatMap((news) => (news.kind === "problem" ? [news.text] : []));
  assert.match(problems.join("\n"), /"onNews" failed on news of kind alert: a reader that fails/);
});
