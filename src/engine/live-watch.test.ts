import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { makeAlert } from "../alerts/make-alert.ts";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { fakeRuntime } from "../../test/fixtures/fake-runtime.ts";
import { freePort } from "../../test/fixtures/free-port.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { until } from "../../test/fixtures/until.ts";
import { ContainerRegistry } from "../containers/container-registry.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";
import { FIELDS } from "../fields/registry.ts";
import type { NewsBody } from "../news/news.ts";
import { loadRules } from "../rules/load-rules.ts";
import { compileRuleSet, type RuleSet } from "../rules/rule-set.ts";
import { HostPorts } from "./host-ports.ts";
import { LiveWatch, type LiveWatchOptions } from "./live-watch.ts";

const asRoot = process.getuid?.() === 0 ? false : "needs root: watches all processes";

function ruleSet(
  ...rules: readonly { name: string; condition: string; output: string }[]
): RuleSet {
  const text = rules
    .map(
      ({ name, condition, output }) =>
        `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: "*${output}"\n  priority: NOTICE\n  tags: [open_port]\n`,
    )
    .join("");
  const loaded = loadRules([{ name: "r.yaml", text }], { fields: FIELDS });
  assert.deepEqual(loaded.files[0]?.errors, []);
  return compileRuleSet(loaded.rules, { matching: "all" });
}

const started = (name: string, mark: string) => ({
  name,
  condition: `evt.type in (execve, execveat) and evt.failed = false and proc.args contains ${mark}`,
  output: "%proc.name %proc.args below %proc.pid",
});

function liveWatch(t: TestContext, rules: RuleSet, more: Partial<LiveWatchOptions> = {}) {
  const news: NewsBody[] = [];
  const publish = (body: NewsBody): void => void news.push(body);
  const onProblem = (text: string): void => publish({ kind: "problem", text });
  const containers = new ContainerRegistry({ runtimes: [fakeRuntime("docker")], onProblem });
  const ports = new HostPorts({ containers, publish, reports: undefined });
  const live = new LiveWatch({
    rules,
    containers,
    hostname: "here",
    ringBytes: DEFAULT_SETTINGS.ringBytes,
    baseSyscalls: DEFAULT_SETTINGS.baseSyscalls,
    utcOffsetMinutes: () => 0,
    // Programs that a test starts are its own children: another process stands for the watch.
    ownPid: 2 ** 22 - 1,
    isRoot: true,
    source: "ebpf",
    publish,
    onAlert: (rule, scene) =>
      publish({ kind: "alert", alert: makeAlert(rule, scene, randomUUID()) }),
    ports,
    drops: { ...DEFAULT_SETTINGS.drops, onLoss: () => {} },
    ...more,
  });
  t.after(() => {
    live.close();
    ports.close();
    containers.stop();
  });
  const messages = (): string[] =>
    news.flatMap((one) =>
      one.kind === "alert" ? [`${one.alert.rule}: ${one.alert.message}`] : [],
    );
  const seen = (): string =>
    JSON.stringify({ messages: messages(), stats: live.stats().probe.seen });
  return { live, news, messages, seen };
}

/** Starts a program again and again until the watch has seen it. */
async function run(mark: string, seen: () => boolean, state: () => string): Promise<void> {
  await until(
    `an alert of ${mark}`,
    () => {
      spawnSync("true", [mark]);
      return seen();
    },
    { seen: state },
  );
}

describe("LiveWatch", () => {
  test("alerts about what programs of this host do, by eBPF", { skip: whyNoBpf() }, async (t) => {
    const mark = `first-${process.pid}`;
    const { live, messages, seen, news } = liveWatch(t, ruleSet(started("Started", mark)));
    assert.match(live.variant, /^(tp_btf|raw_tp|classic)$/);
    await live.start();
    await run(mark, () => messages().length > 0, seen);
    assert.match(messages()[0] ?? "", new RegExp(`^Started: true ${mark} below \\d+$`));
    const { events, malformed, failed, processes } = live.stats();
    assert.ok(events > 0 && processes > 1);
    assert.deepEqual([malformed, failed], [0, 0]);
    assert.deepEqual(
      news.filter(({ kind }) => kind === "problem"),
      [],
    );
  });

  test("puts other rules in place while it runs", { skip: whyNoBpf() }, async (t) => {
    const [one, two] = [`one-${process.pid}`, `two-${process.pid}`];
    const { live, messages, seen } = liveWatch(t, ruleSet(started("One", one)));
    await live.start();
    await run(one, () => messages().some((text) => text.startsWith("One")), seen);
    live.useRules(ruleSet(started("Two", two)));
    const before = messages().filter((text) => text.startsWith("One")).length;
    spawnSync("true", [one]);
    await run(two, () => messages().some((text) => text.startsWith("Two")), seen);
    assert.equal(messages().filter((text) => text.startsWith("One")).length, before);
  });

  test("reports sockets that listened before it came, and who", { skip: whyNoBpf() }, async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const listens = {
      name: "Listens",
      condition: `evt.type = listen and fd.sport = ${port}`,
      output: "%fd.name of %proc.pid",
    };
    const { live, messages, seen, news } = liveWatch(t, ruleSet(listens));
    await live.start();
    await until("the alert", () => messages().length > 0, { seen });
    assert.equal(messages()[0], `Listens: 127.0.0.1:${port} of ${process.pid}`);
    const opened = news.some((one) => one.kind === "port-opened" && one.port.port === port);
    assert.ok(opened, "the port is known as open");
  });

  test("reports none of them when it is closed meanwhile", { skip: whyNoBpf() }, async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { live, news } = liveWatch(t, ruleSet(started("Started", "none")));
    const starting = live.start();
    live.close();
    await starting;
    assert.deepEqual(news, []);
  });

  test("is silent after close()", { skip: whyNoBpf() }, async (t) => {
    const mark = `last-${process.pid}`;
    const { live, messages, seen } = liveWatch(t, ruleSet(started("Started", mark)));
    await live.start();
    await run(mark, () => messages().length > 0, seen);
    live.close();
    const before = messages().length;
    spawnSync("true", [mark]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(messages().length, before);
  });

  test(
    "sees programs and ports without eBPF, and says what it does not",
    { skip: asRoot },
    async (t) => {
      const mark = `sockets-${process.pid}`;
      const port = await freePort();
      const rules = ruleSet(
        started("Started", mark),
        {
          name: "Listens",
          condition: `evt.type = listen and fd.sport = ${port}`,
          output: "%fd.sport",
        },
        { name: "Never", condition: "evt.type = ptrace", output: "x" },
      );
      const { live, messages, seen, news } = liveWatch(t, rules, { source: "sockets" });
      assert.equal(live.variant, "sockets");
      const [note] = news.flatMap((one) => (one.kind === "note" ? [one.text] : []));
      assert.match(note ?? "", /1 of 3 rules ask for those alone and cannot match: "Never"/);
      await live.start();
      // Who has ended before it is looked at is not seen.
      const child = spawn("sh", ["-c", "read line", mark], { stdio: ["pipe", "ignore", "ignore"] });
      t.after(() => child.kill("SIGKILL"));
      const hasStarted = (): boolean => messages().some((text) => text.startsWith("Started"));
      await until("the program's alert", hasStarted, { seen });
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
      t.after(() => server.close());
      await until("the port's alert", () => messages().includes(`Listens: ${port}`), { seen });
    },
  );
});
