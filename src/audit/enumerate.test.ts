import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, test } from "node:test";
import { randomBytes } from "node:crypto";
import { freePort } from "../../test/fixtures/free-port.ts";
import { makeCertificate, rsaKeyInfo } from "../../test/fixtures/made-certificate.ts";
import { alertRecord, plainRecord, scriptedServer } from "../../test/fixtures/scripted-tls.ts";
import { TlsServers } from "../../test/fixtures/tls-servers.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { connectDirectly } from "../ports/connect.ts";
import { candidateSuites, enumerate, type Enumeration, SharedFindings } from "./enumerate.ts";
import { Prober } from "./prober.ts";

const servers = new TlsServers();
after(() => servers.stop());

const { der: certificate } = makeCertificate({ publicKeyInfo: rsaKeyInfo(randomBytes(256)) });

/** What a server answers to the suites of one hello: a suite, an alert, bytes, or a closed socket. */
type Answer =
  | { readonly suite: number }
  | { readonly alert: number }
  | { readonly bytes: Uint8Array }
  | "close";

async function serverThat(answerTo: (suites: readonly number[]) => Answer): Promise<number> {
  return servers.plain((socket) => {
    let received: Uint8Array = new Uint8Array(0);
    const gather = (bytes: Uint8Array): void => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 5 + (((received[3] ?? 0) << 8) | (received[4] ?? 0))) return;
      socket.off("data", gather);
      answer(socket, received, answerTo(suitesOf(received.subarray(5))));
    };
    socket.on("data", gather);
  });
}

function answer(socket: Socket, received: Uint8Array, how: Answer): void {
  if (how === "close") return void socket.end();
  if ("alert" in how) return void socket.end(alertRecord(how.alert));
  if ("bytes" in how) return void socket.end(how.bytes);
  scriptedServer({ certificate, suite: how.suite, script: () => () => {} })(socket);
  socket.emit("data", received);
}

function suitesOf(body: Uint8Array): number[] {
  const hello = new ByteReader(body, "PEER_TLS");
  hello.take(4 + 2 + 32, "header, version and random");
  hello.take(hello.u8("session id length"), "session id");
  const list = hello.sub(hello.u16("suites length"), "suites");
  const suites: number[] = [];
  while (list.left > 0) suites.push(list.u16("suite"));
  return suites;
}

interface Found extends Enumeration {
  readonly suites: readonly number[];
  readonly notes: readonly string[];
  readonly connections: number;
}

async function search(port: number): Promise<Found> {
  const prober = new Prober({
    connect: (signal) => connectDirectly("127.0.0.1", port, { signal }),
    signal: new AbortController().signal,
    silenceMs: 5000,
    serverName: undefined,
    maxParallel: 1,
  });
  const found = await enumerate(prober, 0x0303, {
    first: undefined,
    bearsLongHellos: false,
    shared: new SharedFindings(),
  });
  return {
    ...found,
    suites: found.runs.flat().map(({ suite }) => suite),
    notes: prober.errors.map(({ error }) => error),
    connections: prober.connections,
  };
}

const pick =
  (has: readonly number[], otherwise: Answer) =>
  (suites: readonly number[]): Answer => {
    const suite = has.find((one) => suites.includes(one));
    return suite === undefined ? otherwise : { suite };
  };

/** In any order. */
const sorted = (suites: readonly number[]): number[] => suites.toSorted((a, b) => a - b);

const HAS = [0x009d, 0x0035, 0x002f, 0x000a];

test("enumerate() finds suites in the server's order, with a hello each and one for the refusal", async () => {
  const { suites, runs, undecided, inconclusive, connections } = await search(
    await serverThat(pick(HAS, { alert: 40 })),
  );
  assert.deepEqual([suites, runs.length, undecided, inconclusive], [HAS, 1, [], undefined]);
  assert.equal(connections, HAS.length + 1);
});

test("enumerate() takes a hello that is refused from the start as a version without suites", async () => {
  for (const alert of [40, 70, 71]) {
    const { runs, inconclusive, undecided } = await search(await serverThat(() => ({ alert })));
    assert.deepEqual([runs, inconclusive, undecided], [[], undefined, []], `alert ${alert}`);
  }
});

test("enumerate() finds all suites of a server that refuses by closing the connection", async () => {
  const { suites, undecided } = await search(await serverThat(pick(HAS, "close")));
  assert.deepEqual([sorted(suites), undecided], [sorted(HAS), []]);
});

test("enumerate() names the suite that a server cannot complete, which hides no other", async () => {
  const broken = 0x0035;
  const port = await serverThat((suites) => {
    const chosen = pick(HAS, { alert: 40 })(suites);
    return typeof chosen === "object" && "suite" in chosen && chosen.suite === broken
      ? { alert: 80 }
      : chosen;
  });
  const { suites, undecided, notes } = await search(port);
  assert.deepEqual(sorted(suites), sorted(HAS.filter((suite) => suite !== broken)));
  assert.deepEqual(undecided, [broken]);
  assert.match(notes.join("\n"), /cannot tell of TLS_RSA_WITH_AES_256_CBC_SHA: .*internal_error/);
});

test("enumerate() finds the suites of a server that fails at hellos with more than 128", async () => {
  assert.ok(candidateSuites(0x0303).length > 128);
  const port = await serverThat((suites) =>
    suites.length > 128 ? { alert: 50 } : pick(HAS, { alert: 40 })(suites),
  );
  const { suites, inconclusive } = await search(port);
  assert.deepEqual([sorted(suites), inconclusive], [sorted(HAS), undefined]);
});

test("enumerate() accepts no suite that was not offered, and ends", async () => {
  // The random, session id and suite of a ServerHello that says the same to everybody.
  const hello = Uint8Array.from([2, 0, 0, 38, 3, 3, ...new Uint8Array(32), 0, 0x13, 0x37, 0]);
  const { suites } = await search(await serverThat(() => ({ bytes: plainRecord(22, hello) })));
  assert.deepEqual(suites, []);
});

test("enumerate() never takes a suite twice from a server that picks one for ever", async () => {
  const { suites } = await search(await serverThat(() => ({ suite: 0x002f })));
  assert.deepEqual(suites, [0x002f]);
});

test("enumerate() ends with noise, and says that nothing can be said", async () => {
  const port = await serverThat(() => ({ bytes: plainRecord(22, Uint8Array.of(2, 0, 0, 200, 1)) }));
  const { suites, inconclusive } = await search(port);
  assert.deepEqual(suites, []);
  assert.ok(inconclusive !== undefined && inconclusive.reason.length > 0);
});

test("enumerate() gives nothing, and a reason, where nobody listens", async () => {
  const { runs, notes } = await search(await freePort());
  assert.deepEqual(runs, []);
  assert.ok(notes.length > 0);
});

test("candidateSuites() has each suite of a version once, the likeliest key exchanges first", () => {
  for (const version of [0x0304, 0x0303, 0x0300] as const) {
    const suites = candidateSuites(version);
    assert.equal(new Set(suites).size, suites.length);
    assert.ok(suites.length > 0);
  }
  const [modern, older] = [candidateSuites(0x0304), candidateSuites(0x0303)];
  assert.deepEqual([modern.includes(0x1301), older.includes(0x1301)], [true, false]);
  assert.ok(older.indexOf(0xc02f) < older.indexOf(0x002f), "ECDHE_RSA before RSA");
  assert.ok(older.indexOf(0x002f) < older.indexOf(0x008c), "RSA before PSK");
});

test("SharedFindings.look() looks once where the first look found nothing, and each time where it did", async () => {
  for (const [found, expected] of [
    [false, 1],
    [true, 3],
  ] as const) {
    const shared = new SharedFindings();
    let looks = 0;
    const look = (): Promise<void> =>
      shared.look(async () => {
        looks += 1;
        return found;
      });
    await Promise.all([look(), look(), look()]);
    assert.equal(looks, expected);
  }
});
