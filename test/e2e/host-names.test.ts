import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { namespacesMissing } from "../fixtures/network-namespace.ts";
import { startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

const ADDRESS = "127.0.77.1";

const rule = (names: string, port: number): string =>
  `- rule: Called\n  desc: d\n  condition: evt.type = connect and fd.sport = ${port} and fd.sip.name in (${names})\n  output: "%fd.sip.name"\n  priority: NOTICE\n`;

describe(
  "saker watch with host names in rules",
  { skip: whyNoBpf() || (namespacesMissing() ?? false) },
  () => {
    test("compares with their addresses, and with those of rules that are loaded later", async (t) => {
      const { watch, write, port, call } = await watching(t, "one.example.test");
      await told("one.example.test");
      write(rule("two.example.test", port));
      await until("the reload", () => watch.err().includes("rules reloaded"), { seen: watch.err });
      await told("two.example.test");

      /** Calls until the name is told: it is looked up in the background. */
      async function told(name: string): Promise<void> {
        await until(
          name,
          () => {
            call();
            return watch.out().includes(`"${name}"`);
          },
          { seen: () => watch.out() + watch.err() },
        );
      }
    });

    test("ends at once while a name server does not answer", async (t) => {
      const { watch } = await watching(t, "silent.example.test");
      await sleep(500);
      const { code, ms } = await watch.stop();
      assert.equal(code, 0);
      assert.ok(ms < 3000, `it took ${ms} ms`);
      assert.match(watch.err(), /\d events, \d+ dropped/);
      // A name without an address is nothing to complain of.
      assert.doesNotMatch(watch.err(), /silent/);
    });
  },
);

/**
 * A watch in a network of its own, where names are known by a hosts file and the name server is
 * silent; and a server to call.
 */
async function watching(t: TestContext, names: string) {
  const folder = mkdtempSync(join(tmpdir(), "saker-names-"));
  const write = (file: string, text: string): string => {
    writeFileSync(join(folder, file), text);
    return join(folder, file);
  };
  const server = createServer((socket) => socket.destroy()).listen(0, ADDRESS);
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const rules = write("rules.yaml", rule(names, port));
  const hosts = write("hosts", `${ADDRESS} one.example.test two.example.test\n`);
  // What is sent there is dropped: the address is behind the loopback interface, and nobody has it.
  const resolv = write("resolv.conf", "nameserver 10.99.99.99\n");
  const prepare = `ip link set lo up && ip route add 10.99.99.0/24 dev lo && mount --bind ${hosts} /etc/hosts && mount --bind ${resolv} /etc/resolv.conf && exec "$0" "$@"`;
  const watch = startSaker(
    [
      "watch",
      "--source",
      "ebpf",
      "--rules",
      rules,
      "--report",
      join(folder, "report"),
      "--no-audit",
      "--json",
    ],
    { cwd: folder, through: ["unshare", "-n", "-m", "sh", "-c", prepare] },
  );
  t.after(async () => {
    await watch.stop();
    server.close();
    rmSync(folder, { recursive: true });
  });
  await until("the watch to begin", () => watch.err().includes("watching this host"), {
    seen: watch.err,
  });
  const call = (): unknown =>
    connect(port, ADDRESS)
      .on("error", () => {})
      .resume();
  return { watch, port, call, write: (text: string) => void write("rules.yaml", text) };
}
