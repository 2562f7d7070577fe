import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../../test/fixtures/free-port.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { makeNamespace, namespacesMissing } from "../../test/fixtures/network-namespace.ts";
import { until } from "../../test/fixtures/until.ts";
import { Event } from "../events/event.ts";
import { CONTEXT, DESCRIPTOR, NOTICE, TCP_STATE } from "../events/record.ts";
import { eventType } from "../events/schema.ts";
import { ipText } from "../lib/ip-text.ts";
import { type Descriptor, descriptorOf, socketOfNotice } from "../state/descriptor.ts";
import { openProbe } from "./probe.ts";

/** What a notice or a bind tells of a socket. */
interface Told {
  readonly event: string;
  readonly pid: number;
  readonly comm: string;
  readonly namespace: number;
  readonly inode: number;
  readonly place: string;
  readonly protocol: Descriptor["protocol"];
  /** TCP_STATE after it. */
  readonly state: number;
  readonly identity: bigint | undefined;
}

const LIBC = JSON.stringify(join(import.meta.dirname, "../libc/libc.ts"));
/** Binds and listens by itself, since Node cannot do one without the other. Prints and stays. */
const PRELUDE = `
const { libc } = await import(${LIBC});
const at = (host, port) => { const a = Buffer.alloc(16); a.writeUInt16LE(2); a.writeUInt16BE(port, 2); a.set(host.split(".").map(Number), 4); return a; };
const socket = (type) => libc.socket(2, type, 0);
const bind = (fd, host, port) => libc.bind(fd, at(host, port), 16);
const listen = (fd) => libc.syscall(process.arch === "arm64" ? 201 : 50, "int", fd, "int", 8);
const share = (fd) => libc.setsockopt(fd, 1, 15, new Uint8Array([1, 0, 0, 0]), 4);
setInterval(() => {}, 1000);
`;

const skip = whyNoBpf() || namespacesMissing() || false;

for (const variant of ["tp_btf", "raw_tp", "classic"] as const) {
  test(
    `a notice of a listening socket tells who listens where, and which socket it is (${variant})`,
    { skip },
    async (t) => {
      const probe = openProbe({ ringBytes: 1 << 20, ownPid: process.pid, variant });
      t.after(() => probe.close());
      const told: Told[] = [];
      const event = new Event();
      probe.start((bytes, view, start, length) => {
        assert.ok(event.load(bytes, view, start, length, true));
        const one = toldBy(event);
        if (one !== undefined) told.push(one);
      });
      probe.setEnabled(new Set([eventType("bind").code]));
      const run = async (script: string): Promise<number> => {
        const child = spawn(process.execPath, ["--input-type=module", "-e", PRELUDE + script], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        t.after(() => child.kill("SIGKILL"));
        await new Promise((resolve) => child.stdout.once("data", resolve));
        return child.pid ?? 0;
      };
      const of = (pid: number, name: string): readonly Told[] =>
        told.filter((one) => one.pid === pid && one.event === name);
      const listens = async (pid: number, count = 1): Promise<readonly Told[]> => {
        await until(`${count} notices of ${pid}`, () => of(pid, "listens").length >= count);
        return of(pid, "listens");
      };

      const port = await freePort();
      const first = await run(
        `const fd = socket(1); share(fd); bind(fd, "127.0.0.1", ${port}); listen(fd); console.log(1);`,
      );
      const [one] = await listens(first);
      assert.ok(one !== undefined);
      const own = Number(/\d+/.exec(readlinkSync("/proc/self/ns/net"))?.[0]);
      assert.deepEqual(
        [one.comm, one.namespace, one.place, one.protocol],
        ["MainThread", own, `127.0.0.1:${port}`, "tcp"],
      );
      const [bound] = of(first, "bind");
      assert.deepEqual(
        [bound?.inode, bound?.state, bound?.place],
        [one.inode, TCP_STATE.CLOSE, one.place],
        "a bind names the same socket, which does not listen yet",
      );

      const second = await run(
        `const fd = socket(1); share(fd); bind(fd, "127.0.0.1", ${port}); listen(fd); console.log(1);`,
      );
      const [shared] = await listens(second);
      assert.equal(shared?.place, one.place, "SO_REUSEPORT");
      assert.notEqual(shared?.inode, one.inode);
      assert.notEqual(shared?.identity, one.identity);

      const other = await run(
        `const fd = socket(1); bind(fd, "127.0.0.2", ${port}); listen(fd); console.log(1);`,
      );
      assert.equal((await listens(other))[0]?.place, `127.0.0.2:${port}`);

      const unbound = await run(`const fd = socket(1); listen(fd); console.log(1);`);
      const [early, late] = await listens(unbound, 2);
      assert.equal(early?.place, "", "it listens before it has a port");
      assert.match(late?.place ?? "", /^0\.0\.0\.0:[1-9]\d*$/);
      assert.equal(late?.identity, early?.identity);

      const datagrams = await run(
        `const fd = socket(2); bind(fd, "127.0.0.1", ${port}); console.log(1);`,
      );
      await until("the bind", () => of(datagrams, "bind").length > 0);
      const [udp] = of(datagrams, "bind");
      assert.deepEqual([udp?.protocol, udp?.place], ["udp", `127.0.0.1:${port}`]);
      assert.equal(of(datagrams, "listens").length, 0);

      const space = makeNamespace();
      t.after(() => space.remove());
      const { pid } = await space.run(
        `require("node:net").createServer().listen(${port}, "127.0.0.1", () => console.log(1))`,
      );
      const inside = await until("the notice from the namespace", () =>
        told.find((seen) => seen.event === "listens" && seen.pid === pid),
      );
      assert.equal(inside.place, one.place);
      assert.notEqual(inside.namespace, own);

      process.kill(second, "SIGKILL");
      const gone = await until("the end", () =>
        told.find((seen) => seen.event === "ends" && seen.inode === shared?.inode),
      );
      assert.deepEqual([gone.identity, gone.place], [shared?.identity, one.place]);
    },
  );
}

function toldBy(event: Event): Told | undefined {
  const isNotice = event.code === NOTICE.inet_sock_set_state;
  if (!isNotice && event.type?.name !== "bind") return undefined;
  const socket = isNotice ? socketOfNotice(event) : descriptorOf(event, "/");
  const end = socket?.local;
  const state = event.bytes[event.descriptor + DESCRIPTOR.state] ?? 0;
  const name = state === TCP_STATE.LISTEN ? "listens" : "ends";
  return {
    event: isNotice ? name : "bind",
    pid: event.contextU32(CONTEXT.pid),
    comm: event.comm,
    namespace: event.contextU32(CONTEXT.networkNamespace),
    inode: socket?.inode ?? 0,
    place: end === undefined ? "" : `${ipText(end.address)}:${end.port}`,
    protocol: socket?.protocol,
    state,
    identity: isNotice ? event.bigUint(0) : undefined,
  };
}
