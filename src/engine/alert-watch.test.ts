import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, describe, test, type TestContext } from "node:test";
import { type Dockerd, dockerdMissing, startDockerd } from "../../test/fixtures/dockerd.ts";
import { freePort } from "../../test/fixtures/free-port.ts";
import { until } from "../../test/fixtures/until.ts";
import type { NewsBody } from "../news/news.ts";
import type { AuditReport } from "../audit/report.ts";
import { ContainerRegistry } from "../containers/container-registry.ts";
import { dockerClient } from "../containers/docker-client.ts";
import { dockerRuntime } from "../containers/docker-runtime.ts";
import { AlertWatch } from "./alert-watch.ts";
import { HostPorts } from "./host-ports.ts";
import { ReportFolder } from "../outputs/report-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "saker-alert-watch-"));
after(() => rmSync(folder, { recursive: true, force: true }));

type Fields = Readonly<Record<string, string | number | null>>;

/** A line as a running Falco writes it. */
function line(fields: Fields, { time = new Date().toISOString() } = {}): string {
  const rule = "New port opened in container";
  return `${JSON.stringify({ rule, priority: "Warning", output: "x", tags: ["open_port"], time, output_fields: fields })}\n`;
}

interface Beside {
  readonly watch: AlertWatch;
  readonly file: string;
  readonly problems: string[];
  readonly notes: string[];
  readonly reports: AuditReport[];
  readonly write: (text: string) => void;
  readonly seen: () => string;
}

async function beside(
  t: TestContext,
  { dockerd, patienceMs }: { readonly dockerd?: Dockerd; readonly patienceMs?: number } = {},
): Promise<Beside> {
  const [problems, notes]: [string[], string[]] = [[], []];
  const reports: AuditReport[] = [];
  const report = mkdtempSync(join(folder, "r-"));
  const onProblem = (text: string): void => void problems.push(text);
  const runtimes =
    dockerd === undefined
      ? []
      : [dockerRuntime({ client: dockerClient(`unix://${dockerd.socket}`) })];
  const containers = new ContainerRegistry({ runtimes, onProblem });
  await containers.start();
  const publish = (news: NewsBody): void => {
    if (news.kind === "audit") reports.push(news.report);
    if (news.kind === "note") notes.push(news.text);
    if (news.kind === "problem") problems.push(news.text);
  };
  const ports = new HostPorts({ containers, publish, reports: new ReportFolder(report) });
  const watch = new AlertWatch({
    containers,
    ports,
    publish,
    onAlert: () => {},
    startedAt: BigInt(Date.now()) * 1_000_000n,
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  t.after(() => {
    watch.close();
    ports.close();
    containers.stop();
  });
  const file = join(report, "alerts.json");
  writeFileSync(file, "");
  return {
    watch,
    file,
    problems,
    notes,
    reports,
    write: (text) => appendFileSync(file, text),
    seen: () => JSON.stringify({ problems, notes, reports: reports.map(({ target }) => target) }),
  };
}

async function listening(t: TestContext, port: number, host = "127.0.0.1"): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("SSH-2.0-test\r\n");
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  t.after(() => server.close());
  return server;
}

test("AlertWatch examines a port of the host that begins to listen after its alert", async (t) => {
  const { watch, file, write, reports, problems, seen } = await beside(t);
  watch.follow(file);
  const [first, second] = [await freePort(), await freePort()];
  write(line({ "container.id": "host", "fd.name": `127.0.0.1:${first}` }));
  write(line({ "container.id": "host", "fd.lport": second }));
  await until("the alerts", () => watch.stats().alerts === 2, { seen });
  await listening(t, first);
  await listening(t, second);
  await until("the reports", () => reports.length === 2, { seen });
  assert.deepEqual(
    reports.map(({ target }) => target).toSorted(),
    [`host:${first}`, `host:${second}`].toSorted(),
  );
  assert.ok(reports.every(({ speaks }) => speaks === "ssh"));
  assert.deepEqual(problems, []);
});

test("AlertWatch says of a port that never listens and of UDP what they are", async (t) => {
  const { watch, write, file, reports, problems, notes, seen } = await beside(t, {
    patienceMs: 300,
  });
  const udp = createSocket("udp4");
  await new Promise<void>((resolve) => udp.bind({ address: "127.0.0.1" }, resolve));
  t.after(() => udp.close());
  const port = udp.address().port;
  const silent = await freePort();
  watch.follow(file);
  write(line({ "container.id": "host", "fd.sport": silent, "evt.type": "bind" }));
  await until("the first note", () => notes.length === 1, { seen });
  write(line({ "container.id": "host", "fd.sport": port, "fd.l4proto": "udp" }));
  await until("the second note", () => notes.length === 2, { seen });
  const { udpPorts, boundPorts } = watch.stats();
  assert.deepEqual([udpPorts, boundPorts], [1, 1]);
  write(line({ "container.id": "host", "fd.sport": port }));
  await until("the third note", () => notes.length === 3, { seen });
  assert.deepEqual(notes, [
    `host:${silent}: bound, not listening`,
    `host:${port}: bound over UDP, where nothing listens: it is not examined`,
    `host:${port}: bound over UDP, where nothing listens: it is not examined (2 so far)`,
  ]);
  assert.deepEqual([reports, problems], [[], []]);
});

test("AlertWatch waits for the socket at the alert's own address", async (t) => {
  const { watch, write, file, reports, seen } = await beside(t);
  const port = await freePort();
  await listening(t, port, "127.0.0.1");
  watch.follow(file);
  write(line({ "container.id": "host", "fd.sip": "127.0.0.2", "fd.sport": port }));
  await until("the alert", () => watch.stats().alerts === 1, { seen });
  await listening(t, port, "127.0.0.2");
  await until("the report", () => reports.length === 1, { seen });
  assert.equal(reports[0]?.host, "127.0.0.2");
});

test("AlertWatch leaves out, counted, what alerts from before its start tell of", async (t) => {
  const { watch, problems, notes } = await beside(t);
  const time = "2025-02-08T08:23:00.580354112Z";
  const port = await freePort();
  const lines = [
    line(
      { "container.id": "0123456789ab", "container.name": "petstore", "fd.sport": 8080 },
      { time },
    ),
    line({ "container.id": "host", "fd.sport": port }, { time }),
    line({ "container.id": "host" }, { time }),
  ];
  await watch.read(Readable.from(lines));
  assert.equal(watch.stats().pastPorts, 3);
  assert.deepEqual([problems, notes], [[], []]);
});

test("AlertWatch bounds what it looks for, and says in few lines what came of it", async (t) => {
  const { watch, problems } = await beside(t, { patienceMs: 0 });
  const ids = Array.from({ length: 20_000 }, (_, index) => index.toString(16).padStart(12, "0"));
  const flood = ids.map((id) => line({ "container.id": id, "fd.sport": 80 })).join("");
  await watch.read(Readable.from([flood, "bad\n".repeat(1000), line({ "container.id": "host" })]));
  const { alerts, badLines, droppedPorts } = watch.stats();
  assert.deepEqual([alerts, badLines], [20_001, 1000]);
  assert.ok(droppedPorts >= 10_000, String(droppedPorts));
  assert.ok(problems.length < 60, `${problems.length} lines`);
  for (const words of [
    /^Cannot examine \w+:80: 4096 ports are looked for already$/,
    /^Cannot examine \w+:80: no runtime that was asked knows the container \(4096 so far\)$/,
    /^Cannot examine host: the alert names no port by fd.sport, fd.lport or fd.name$/,
    /^Cannot read line "bad" as an alert: it is not JSON \(512 so far\)$/,
  ])
    assert.ok(
      problems.some((problem) => words.test(problem)),
      `${words}\n${problems.join("\n")}`,
    );
});

test("AlertWatch loses no port of many that stand in a file", async (t) => {
  const { watch, file, write, reports, seen } = await beside(t, { patienceMs: 0 });
  const ids = Array.from({ length: 10_000 }, (_, index) => index.toString(16).padStart(12, "0"));
  write(ids.map((id) => line({ "container.id": id, "fd.sport": 80 })).join(""));
  const port = await freePort();
  await listening(t, port);
  write(line({ "container.id": "host", "fd.sport": port }));
  watch.follow(file);
  await until("the report", () => reports.length === 1, { seen, timeoutMs: 60_000 });
  assert.equal(watch.stats().droppedPorts, 0);
});

test("AlertWatch writes out what a name or a line could do to a terminal", async (t) => {
  const { watch, problems } = await beside(t, { patienceMs: 0 });
  const name = "a\u001b[2J\u009b\u202e";
  await watch.read(Readable.from([line({ "container.name": name, "fd.sport": 80 }), "\u009bx\n"]));
  assert.deepEqual(problems.toSorted(), [
    "Cannot examine a\\u001b[2J\\u009b\\u202e:80: no runtime that was asked knows the container",
    'Cannot read line "\\u009bx" as an alert: it is not JSON',
  ]);
});

test("AlertWatch says what to do where Falco writes text", async (t) => {
  const { watch, problems } = await beside(t);
  const text = "16:17:57.882054739: Warning New port opened in container (container_port=80)\n";
  await watch.read(
    Readable.from([text, text.replace("16:", "2026-07-10T16:").replace(": W", "+0000: W")]),
  );
  assert.equal(problems.length, 2);
  for (const problem of problems)
    assert.match(problem, /it is not JSON \(Falco writes JSON with json_output: true\)/);
});

describe("AlertWatch beside containers", { skip: dockerdMissing() ?? false }, () => {
  let dockerd: Dockerd;
  let image = "";
  test("starts a daemon", async () => {
    dockerd = await startDockerd();
    image = await dockerd.importImage({ reference: "saker-test/box:1.0" });
  });
  after(() => dockerd?.stop());
  const httpd = (port: number): string[] => ["/bin/busybox", "httpd", "-f", "-p", String(port)];

  test("finds the port of a container that does not exist yet when its alert comes", async (t) => {
    const { watch, file, write, reports, problems, seen } = await beside(t, {
      dockerd,
      patienceMs: 60_000,
    });
    watch.follow(file);
    for (const [index, name] of ["one", "two", "three"].entries()) {
      write(line({ "container.name": name, "fd.sport": 8000 + index }));
      write(line({ "container.name": name, "fd.sport": 9000 + index }));
    }
    await until("the alerts", () => watch.stats().alerts === 6, { seen });
    const script = (index: number): string =>
      `httpd -p ${8000 + index}; sleep 1; exec httpd -f -p ${9000 + index}`;
    await Promise.all(
      ["one", "two", "three"].map((name, index) =>
        dockerd.docker(
          "run",
          "-d",
          "--init",
          "--name",
          name,
          image,
          "/bin/sh",
          "-c",
          script(index),
        ),
      ),
    );
    await until("six reports", () => reports.length === 6, { seen, timeoutMs: 60_000 });
    assert.deepEqual(reports.map(({ target }) => target).toSorted(), [
      "one:8000",
      "one:9000",
      "three:8002",
      "three:9002",
      "two:8001",
      "two:9001",
    ]);
    assert.deepEqual(problems, []);
  });

  test("examines the container that has the name now, not one that had it before", async (t) => {
    await dockerd.docker("run", "-d", "--init", "--name", "web", image, ...httpd(81));
    const { watch, file, write, reports, problems, seen } = await beside(t, {
      dockerd,
      patienceMs: 60_000,
    });
    const old = await dockerd.docker("inspect", "-f", "{{.Id}}", "web");
    await dockerd.docker("rm", "-f", "web");
    watch.follow(file);
    write(line({ "container.name": "web", "fd.sport": 82 }));
    await dockerd.docker("run", "-d", "--init", "--name", "web", image, ...httpd(82));
    await until("the report", () => reports.length === 1, { seen, timeoutMs: 60_000 });
    assert.equal(reports[0]?.target, "web:82");
    assert.deepEqual(problems, []);
    const late = await beside(t, { dockerd, patienceMs: 300 });
    late.watch.follow(late.file);
    late.write(line({ "container.id": old.slice(0, 12), "container.name": "web", "fd.sport": 82 }));
    await until("the problem", () => late.problems.length === 1, { seen: late.seen });
    assert.equal(
      late.problems[0],
      "Cannot examine web:82: no runtime that was asked knows the container",
    );
  });

  test("knows a container by its id though another has that for a name", async (t) => {
    const id = await dockerd.docker("run", "-d", "--init", "--name", "meant", image, ...httpd(83));
    await dockerd.docker("run", "-d", "--init", "--name", id.slice(0, 12), image, ...httpd(83));
    const { watch, file, write, reports, seen } = await beside(t, { dockerd });
    watch.follow(file);
    write(line({ "container.id": id.slice(0, 12), "container.name": "x", "fd.sport": 83 }));
    await until("the report", () => reports.length === 1, { seen });
    assert.equal(reports[0]?.target, "meant:83");
  });

  test("says at once that a container has ended, and later that one never ran", async (t) => {
    const { watch, file, write, problems, seen } = await beside(t, { dockerd, patienceMs: 1500 });
    await dockerd.docker("create", "--name", "never", image, "true");
    await dockerd.docker("run", "--name", "brief", image, "true");
    watch.follow(file);
    const time = await dockerd.docker("inspect", "-f", "{{.State.StartedAt}}", "brief");
    write(line({ "container.name": "brief", "fd.sport": 80 }, { time }));
    write(line({ "container.name": "never", "fd.sport": 80 }));
    await until("two problems", () => problems.length === 2, { seen });
    assert.deepEqual(problems, [
      "Cannot examine brief:80: the container has ended",
      "Cannot examine never:80: the container does not run",
    ]);
  });

  test("waits for a container that starts again", async (t) => {
    const { watch, file, write, reports, problems, seen } = await beside(t, {
      dockerd,
      patienceMs: 60_000,
    });
    const script = "[ -f /ran ] && exec httpd -f -p 86; touch /ran";
    await dockerd.docker("run", "--name", "again", image, "/bin/sh", "-c", script);
    watch.follow(file);
    write(line({ "container.name": "again", "fd.sport": 86 }));
    await until("the alert", () => watch.stats().alerts === 1, { seen });
    await dockerd.docker("start", "again");
    await until("the report", () => reports.length === 1, { seen, timeoutMs: 60_000 });
    assert.equal(reports[0]?.target, "again:86");
    assert.deepEqual(problems, []);
  });

  test("leaves no file of a port that was not examined", async (t) => {
    const { watch, file, write, notes, seen } = await beside(t, { dockerd, patienceMs: 500 });
    watch.follow(file);
    write(line({ "container.name": "meant", "fd.sport": 84 }));
    await until("the note", () => notes.length === 1, { seen });
    assert.equal(notes[0], "meant:84: bound, not listening");
    assert.deepEqual(readdirSync(join(file, "..")), ["alerts.json"]);
  });
});
