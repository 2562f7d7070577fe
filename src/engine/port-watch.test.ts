import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTAINER_PORTS_MAX, type PortPlace } from "../ports/port-inventory.ts";
import { BOUND_MAX, type PortAlert, PortWatch } from "./port-watch.ts";

const nc = { pid: 5, comm: "nc", exepath: "/bin/nc", args: ["-l", "80"] };
const web: PortPlace = { namespace: 7, address: "0.0.0.0", port: 80, container: "c1", process: nc };
const opening = (socket: bigint, place: PortPlace = web) => ({ ...place, socket, at: 0 });

function portWatch() {
  const examined: string[] = [];
  const overdue: string[] = [];
  let time = 0;
  const watch = new PortWatch({
    onExamine: ({ address, port, process }) =>
      examined.push(`${address}:${port} ${process?.exepath ?? ""}`),
    onNeverListened: (container, places) =>
      overdue.push(`${container}: ${places.map(({ port }) => port).join(" ")}`),
    now: () => time,
  });
  const alert = (by: PortAlert["by"], more: Partial<PortAlert> = {}) =>
    watch.alert({ rule: "R", priority: "Notice", place: web, by, at: 0, ...more });
  return { watch, alert, examined, overdue, pass: (ms: number) => (time += ms) };
}

test("PortWatch examines a port that was bound when it listens, once", () => {
  const { watch, alert, examined } = portWatch();
  assert.equal(alert("bind"), "news");
  assert.deepEqual(examined, []);
  watch.opened(opening(1n));
  assert.deepEqual(examined, ["0.0.0.0:80 /bin/nc"]);
  assert.equal(alert("listen", { rule: "other" }), "known");
  watch.opened(opening(2n));
  assert.equal(alert("listen"), "known");
  assert.equal(examined.length, 1);
  assert.equal(watch.suppressed, 2);
});

test("PortWatch examines a port at the alert when it listens already", () => {
  const { watch, alert, examined } = portWatch();
  watch.opened(opening(1n));
  assert.deepEqual(examined, []);
  assert.equal(alert("listen"), "news");
  assert.equal(examined.length, 1);
});

test("PortWatch takes a more urgent rule's alert of one opening as further news", () => {
  const { watch, alert, examined } = portWatch();
  watch.opened(opening(1n));
  assert.deepEqual(
    [
      alert("listen"),
      alert("listen", { rule: "less", priority: "Debug" }),
      alert("listen", { rule: "more", priority: "Critical" }),
      alert("listen", { rule: "more", priority: "Critical" }),
    ],
    ["news", "known", "further", "known"],
  );
  assert.equal(examined.length, 1);
});

test("PortWatch takes a port that was closed and opened again as news", () => {
  const { watch, alert, examined } = portWatch();
  for (const socket of [1n, 2n]) {
    watch.opened(opening(socket));
    assert.equal(alert("listen"), "news");
    assert.equal(watch.closed(opening(socket), 0)?.port, 80);
  }
  assert.equal(examined.length, 2);
});

test("PortWatch keeps addresses, namespaces, containers and programs of one number apart", () => {
  const { watch, alert, examined } = portWatch();
  const places: PortPlace[] = [
    web,
    { ...web, address: "127.0.0.1" },
    { ...web, address: "::" },
    { ...web, namespace: 8 },
    { ...web, container: "c2" },
    { ...web, container: undefined },
    { ...web, process: { ...nc, exepath: "/tmp/nc" } },
    { ...web, process: { ...nc, args: ["-l", "80", "-e", "sh"] } },
  ];
  for (const [index, place] of places.entries()) {
    assert.equal(alert("bind", { place }), "news");
    watch.opened(opening(BigInt(index), place));
  }
  assert.equal(examined.length, places.length);
});

test("PortWatch says of an alert about a connection which port it is about", () => {
  const { watch, alert, examined } = portWatch();
  watch.opened(opening(1n));
  const accepted = { ...web, address: "172.17.0.2", process: { ...nc, args: ["worker"] } };
  assert.equal(alert("other", { place: accepted }), "news");
  assert.equal(alert("other", { place: accepted }), "known");
  assert.deepEqual(examined, ["0.0.0.0:80 /bin/nc"]);
});

test("PortWatch examines a port whose alert had to wait until it was closed", () => {
  const { watch, alert, examined } = portWatch();
  watch.opened(opening(1n));
  watch.closed(opening(1n), 5);
  assert.equal(alert("bind", { at: 4 }), "news");
  assert.equal(examined.length, 1);
  assert.equal(watch.bound, 0);
});

test("PortWatch waits for a port that was closed and is bound again to listen", () => {
  const { watch, alert, examined } = portWatch();
  watch.opened(opening(1n));
  alert("bind", { at: 1 });
  watch.closed(opening(1n), 5);
  assert.equal(alert("bind", { at: 6 }), "news");
  assert.deepEqual([examined.length, watch.bound], [1, 1]);
  watch.opened(opening(2n));
  assert.deepEqual([examined.length, watch.bound], [2, 0]);
});

test("PortWatch calls nothing bound that listens and has no room in the inventory", () => {
  const { watch, alert, examined, overdue, pass } = portWatch();
  for (let port = 1; port <= CONTAINER_PORTS_MAX; port += 1)
    watch.opened(opening(BigInt(port), { ...web, port }));
  alert("bind", { place: { ...web, port: 9999 } });
  for (const socket of [9999n, 10_000n])
    assert.equal(watch.opened(opening(socket, { ...web, port: 9999 })), false);
  pass(60_000);
  watch.reportOverdue();
  assert.deepEqual([overdue, watch.bound, examined.length], [[], 0, 1]);
});

test("PortWatch reports once what was bound and never listens, and still examines it later", () => {
  const { watch, alert, examined, overdue, pass } = portWatch();
  alert("bind");
  alert("bind", { place: { ...web, port: 81 } });
  watch.reportOverdue();
  assert.deepEqual(overdue, []);
  pass(31_000);
  watch.reportOverdue();
  watch.reportOverdue();
  assert.deepEqual(overdue, ["c1: 80 81"]);
  assert.equal(alert("bind"), "news");
  watch.opened(opening(1n));
  assert.equal(examined.length, 1);
});

test("PortWatch keeps a bounded number of bound sockets, and loses no port for it", () => {
  const { watch, alert, examined, pass } = portWatch();
  for (let port = 1; port <= 10_000; port += 1)
    assert.equal(alert("bind", { place: { ...web, port } }), "news");
  assert.equal(watch.bound, BOUND_MAX);
  watch.opened(opening(1n, { ...web, port: 1 }));
  watch.opened(opening(2n, { ...web, port: 10_000 }));
  assert.equal(examined.length, 2);
  assert.equal(alert("bind", { place: { ...web, container: "c2" } }), "news");
  watch.opened(opening(3n, { ...web, container: "quiet", port: 5 }));
  assert.equal(examined.length, 2);
  pass(601_000);
  watch.opened(opening(4n, { ...web, port: 2 }));
  assert.equal(examined.length, 2);
});

test("PortWatch.containerGone() forgets what it had open and bound", () => {
  const { watch, alert, overdue, pass } = portWatch();
  watch.opened(opening(1n));
  alert("listen");
  alert("bind", { place: { ...web, port: 81 } });
  assert.deepEqual(
    watch.containerGone("c1", 0).map(({ port }) => port),
    [80],
  );
  assert.deepEqual([watch.bound, watch.inventory.size], [0, 0]);
  pass(60_000);
  watch.reportOverdue();
  assert.deepEqual(overdue, []);
});
