import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { fakeRuntime } from "../../test/fixtures/fake-runtime.ts";
import { freePort } from "../../test/fixtures/free-port.ts";
import { event } from "../../test/fixtures/records.ts";
import { container, scene } from "../../test/fixtures/scenes.ts";
import { until } from "../../test/fixtures/until.ts";
import { listenNotice } from "../capture/listening-records.ts";
import { ContainerRegistry } from "../containers/container-registry.ts";
import type { DescriptorValues } from "../events/encode.ts";
import { Event } from "../events/event.ts";
import { TCP_STATE } from "../events/record.ts";
import { FIELDS } from "../fields/registry.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import type { NewsBody } from "../news/news.ts";
import { ReportFolder } from "../outputs/report-folder.ts";
import type { FoundListener } from "../ports/inventory-scan.ts";
import { ownNamespaceInode } from "../ports/network-namespace.ts";
import { loadRules } from "../rules/load-rules.ts";
import { type CompiledRule, compileRuleSet } from "../rules/rule-set.ts";
import type { CurrentScene } from "../state/current-scene.ts";
import { HostPorts } from "./host-ports.ts";

const folder = mkdtempSync(join(tmpdir(), "saker-host-ports-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const rules = compileRuleSet(
  loadRules(
    [
      {
        name: "r.yaml",
        text: "- {rule: Open, desc: d, condition: evt.type = bind or evt.type = listen, output: x, priority: NOTICE}\n",
      },
    ],
    { fields: FIELDS },
  ).rules,
  { matching: "first" },
);
const RULE = rules.rules[0] as CompiledRule;

function hostPorts(t: TestContext, { examines = false } = {}) {
  const news: NewsBody[] = [];
  const publish = (body: NewsBody): void => void news.push(body);
  const containers = new ContainerRegistry({
    runtimes: [fakeRuntime("docker")],
    onProblem: (text) => publish({ kind: "problem", text }),
  });
  const reports = examines ? new ReportFolder(mkdtempSync(join(folder, "r-"))) : undefined;
  const ports = new HostPorts({ containers, publish, reports });
  t.after(() => {
    ports.close();
    containers.stop();
  });
  return { ports, news, kinds: () => news.map(({ kind }) => kind) };
}

const address = (text: string): Uint8Array => addressBytes(text) ?? new Uint8Array(4);
const NETWORK = ownNamespaceInode();

/** A socket as the kernel describes it: a server's where it has no peer. */
function socket(port: number, values: Partial<DescriptorValues> = {}): DescriptorValues {
  return {
    kind: "4",
    family: 2,
    protocol: 6,
    state: TCP_STATE.LISTEN,
    local: { address: address("127.0.0.1"), port },
    remote: { address: address("0.0.0.0"), port: 0 },
    ...values,
  };
}

/** What the kernel says when a socket begins or ceases to listen. */
function notice(port: number, isOpen: boolean): Event {
  const listener = {
    namespace: NETWORK,
    pid: process.pid,
    owner: { pid: process.pid, comm: "node" },
    address: "127.0.0.1",
    port,
    family: 4,
    inode: 77,
    uid: 0,
  } as unknown as FoundListener;
  const facts = { process: undefined, cgroup: 0, isFoundAtStart: false };
  const bytes = listenNotice(listener, facts, isOpen);
  const loaded = new Event();
  assert.ok(loaded.load(bytes, new DataView(bytes.buffer), 0, bytes.length, true));
  return loaded;
}

/** Who acts in scenes. */
const SHELL = { pid: 100, comm: "sh", exepath: "/bin/sh", args: ["-c", "id"] };

function act(name: "bind" | "listen", descriptor: DescriptorValues): CurrentScene {
  const params = name === "bind" ? { res: 0, fd: 3 } : { res: 0, fd: 3, backlog: 5 };
  return scene(name, params, { descriptor, context: { networkNamespace: NETWORK } });
}

test("HostPorts.verdictOf() takes what is no server of TCP or UDP as news, and lists nothing", (t) => {
  const { ports, news } = hostPorts(t);
  const unix = act("listen", { kind: "u", path: "/run/x.sock" });
  const client = act(
    "listen",
    socket(80, { state: 1, remote: { address: address("10.0.0.9"), port: 5 } }),
  );
  for (const one of [unix, client, act("listen", socket(0))])
    assert.equal(ports.verdictOf(RULE, one), "news");
  assert.deepEqual([news, ports.stats().openPorts, ports.stats().boundPorts], [[], 0, 0]);
});

test("HostPorts.verdictOf() lets one alert of a bind of UDP through, and publishes the port", (t) => {
  const { ports, news } = hostPorts(t);
  const bound = (): CurrentScene => act("bind", socket(53, { protocol: 17, state: 7 }));
  assert.deepEqual(
    [ports.verdictOf(RULE, bound()), ports.verdictOf(RULE, bound())],
    ["news", "known"],
  );
  const [opened, ...rest] = news;
  assert.ok(opened?.kind === "port-opened" && rest.length === 0);
  assert.deepEqual([opened.port.protocol, opened.port.port], ["udp", 53]);
  assert.equal(ports.stats().knownPorts, 1);
});

test("HostPorts publishes a port once, however it becomes known", (t) => {
  const { ports, news } = hostPorts(t);
  const place = {
    namespace: NETWORK,
    address: "127.0.0.1",
    port: 80,
    container: undefined,
    process: SHELL,
    at: 0,
  };
  ports.opened({ ...place, socket: 1n });
  ports.opened({ ...place, socket: 1n });
  assert.equal(ports.verdictOf(RULE, act("listen", socket(80))), "news");
  assert.equal(ports.verdictOf(RULE, act("listen", socket(80))), "known");
  assert.deepEqual(
    news.map((one) => (one.kind === "port-opened" ? one.port.port : one.kind)),
    [80],
  );
  assert.equal(
    ports.verdictOfFound({ ...place, port: 81, socket: 2n }, [{ address: "127.0.0.1", port: 81 }]),
    "news",
  );
  // What does not listen any more in that namespace is forgotten, since its end was not seen.
  assert.equal(ports.stats().openPorts, 1);
});

test("HostPorts.socketChanged() publishes what the kernel says of a socket, and a closing once", (t) => {
  const { ports, news } = hostPorts(t);
  for (const isOpen of [true, false, false]) ports.socketChanged(notice(8080, isOpen), undefined);
  assert.deepEqual(
    news.map((one) =>
      one.kind === "problem" ? one : `${one.kind} ${"port" in one ? one.port.port : ""}`,
    ),
    ["port-opened 8080", "port-closed 8080"],
  );
  ports.socketChanged(event("listen", { res: 0, fd: 3, backlog: 5 }), undefined);
  assert.equal(news.length, 2, "a record without a socket says nothing");
});

test("HostPorts.containerStopped() closes the ports of its container alone", (t) => {
  const { ports, news, kinds } = hostPorts(t);
  const web = container("web");
  const place = { namespace: 7, address: "0.0.0.0", process: undefined, at: 0 };
  ports.opened({ ...place, port: 80, container: web.fullId, socket: 1n });
  ports.opened({ ...place, port: 81, container: undefined, socket: 2n });
  ports.containerStopped(web);
  assert.deepEqual(kinds(), ["port-opened", "port-opened", "port-closed"]);
  const [, , closed] = news;
  assert.equal(closed?.kind === "port-closed" ? closed.port.port : 0, 80);
  assert.equal(ports.stats().openPorts, 1);
});

test("HostPorts examines a port of an alert once it listens, and knows its own connections", async (t) => {
  const { ports, news, kinds } = hostPorts(t, { examines: true });
  const peers: number[] = [];
  const server = createServer((one) => {
    peers.push(one.remotePort ?? 0);
    one.on("error", () => {});
    one.end("SSH-2.0-test\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  assert.equal(ports.verdictOf(RULE, act("bind", socket(port, { state: 7 }))), "news");
  assert.deepEqual([news, ports.stats().boundPorts], [[], 1]);
  const place = { namespace: NETWORK, address: "127.0.0.1", port, container: undefined, at: 0 };
  ports.opened({ ...place, socket: 1n, process: SHELL });
  await ports.idle();
  await until("the audit", () => kinds().includes("audit"), {
    seen: () => JSON.stringify(kinds()),
  });
  const audit = news.find((one) => one.kind === "audit");
  assert.equal(audit?.kind === "audit" ? audit.report.speaks : "", "ssh");
  assert.deepEqual([ports.stats().examined, ports.stats().notExamined], [1, 0]);
  const seen = (peer: number): boolean =>
    ports.isOwnEffect(
      scene(
        "accept4",
        { fd: 4 },
        {
          descriptor: socket(port, {
            state: 1,
            remote: { address: address("127.0.0.1"), port: peer },
          }),
          context: { networkNamespace: NETWORK },
        },
      ),
    );
  assert.equal(seen(peers[0] ?? 0), true);
  assert.equal(seen(await freePort()), false);
  assert.equal(ports.stats().ownEffects, 1);
});

test("HostPorts examines nothing where there is no folder for reports", async (t) => {
  const { ports, kinds } = hostPorts(t);
  ports.verdictOf(RULE, act("bind", socket(8080)));
  ports.opened({
    namespace: NETWORK,
    address: "127.0.0.1",
    port: 8080,
    container: undefined,
    process: undefined,
    socket: 1n,
    at: 0,
  });
  await ports.idle();
  assert.deepEqual([kinds(), ports.stats().examined], [["port-opened"], 0]);
});
