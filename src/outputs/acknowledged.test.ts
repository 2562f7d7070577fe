// What servers of NATS, Redis and MQTT say to those who come with a name, over TLS, and to nobody.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { BROKERS, missing } from "../../test/fixtures/brokers.ts";
import { openService, sent } from "../../test/fixtures/http-service.ts";
import { serverAddress } from "./acknowledged.ts";

interface Context {
  after(fn: () => void): void;
}

function folderOf(t: Context): string {
  const folder = mkdtempSync(join(tmpdir(), "saker-broker-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function broker(
  t: Context,
  name: keyof typeof BROKERS,
  options?: readonly string[],
  folder = folderOf(t),
) {
  const started = await BROKERS[name].start(folder, options);
  t.after(() => started.end());
  return started;
}

/** A certificate for 127.0.0.1 that signs itself. */
function certificate(folder: string): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const names = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"];
  const make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  execFileSync("openssl", [...make, ...names, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { cert, key };
}

const TAKEN = { delivered: 1, said: "acknowledged" };
const skip = (name: keyof typeof BROKERS): string | false => missing(BROKERS[name]) ?? false;

test("nats: name and password, a token, and who has none", { skip: skip("nats") }, async (t) => {
  const { port } = await broker(t, "nats", ["--user", "u", "--pass", "p"]);
  const send = (login: string) =>
    sent(openService("nats", { hostPort: `nats://${login}127.0.0.1:${port}` }), alertNews());
  assert.deepEqual(await send("u:p@"), TAKEN);
  const refused = { delivered: 0, reason: "it refuses the login: Authorization Violation" };
  assert.deepEqual(await send("u:no@"), refused);
  assert.deepEqual(await send(""), refused);
  const token = await broker(t, "nats", ["--auth", "secret"]);
  const hostPort = `secret@127.0.0.1:${token.port}`;
  assert.deepEqual(await sent(openService("nats", { hostPort }), alertNews()), TAKEN);
});

test(
  "nats: the subject is the alert's, and what may not be published is refused",
  { skip: skip("nats") },
  async (t) => {
    const folder = folderOf(t);
    const config = join(folder, "nats.conf");
    writeFileSync(
      config,
      'authorization { users = [{ user: u, password: p, permissions: { publish: "falco.warning.>" } }] }',
    );
    const { port } = await broker(t, "nats", ["-c", config], folder);
    const open = () => openService("nats", { hostPort: `u:p@127.0.0.1:${port}` });
    const line = open().format(alertNews({ rule: " A>b* c..Ä" })) ?? "";
    assert.match(line, /^falco\.warning\.a_b_c \{/);
    assert.match(open().format(alertNews({ rule: "日本" })) ?? "", /^falco\.warning\._ \{/);
    const mixed = [
      alertNews(),
      alertNews({ priority: "Error" }),
      alertNews({ priority: "Error" }),
      alertNews(),
    ];
    assert.deepEqual(await sent(open(), ...mixed), {
      delivered: 1,
      refused: 2,
      reason: 'Permissions Violation for Publish to "falco.error.new_port_opened_in_container"',
    });
  },
);

test(
  "redis: name, password, database, a hash, and a key of another type",
  { skip: skip("redis") },
  async (t) => {
    const { port } = await broker(t, "redis", ["--requirepass", "p"]);
    const cli = (...words: readonly string[]) =>
      execFileSync("redis-cli", ["-p", String(port), "-a", "p", "-n", "3", ...words], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
    const open = (options: object) =>
      openService("redis", { address: `127.0.0.1:${port}`, database: 3, ...options });
    assert.deepEqual(await sent(open({ password: "p" }), alertNews()), TAKEN);
    assert.deepEqual(
      await sent(
        open({ username: "default", password: "p", storageKey: "h", storageType: "hashmap" }),
        alertNews(),
      ),
      TAKEN,
    );
    assert.equal(cli("llen", "falco").trim(), "1");
    assert.match(cli("hget", "h", "00000000-0000-4000-8000-000000000000"), /"rule":"New port/);
    assert.deepEqual(await sent(open({ password: "p", storageKey: "h" }), alertNews()), {
      delivered: 0,
      reason: "WRONGTYPE Operation against a key holding the wrong kind of value",
    });
    const { reason } = await sent(open({ password: "no" }), alertNews());
    assert.match(reason ?? "", /^it refuses AUTH: WRONGPASS /);
  },
);

test("mqtt: name and password, and who has none", { skip: skip("mqtt") }, async (t) => {
  const folder = folderOf(t);
  const passwords = join(folder, "passwords");
  execFileSync("mosquitto_passwd", ["-b", "-c", passwords, "u", "p"]);
  execFileSync("chmod", ["0644", passwords]);
  execFileSync("chmod", ["0755", folder]);
  const { port } = await broker(
    t,
    "mqtt",
    ["allow_anonymous false", `password_file ${passwords}`],
    folder,
  );
  const open = (options: object) =>
    openService("mqtt", { broker: `tcp://127.0.0.1:${port}`, ...options });
  assert.deepEqual(await sent(open({ user: "u", password: "p" }), alertNews()), TAKEN);
  assert.deepEqual(await sent(open({}), alertNews()), {
    delivered: 0,
    reason: "it does not let this user in",
  });
});

const TLS = {
  nats: {
    begin: (cert: string, key: string) => ["--tls", "--tlscert", cert, "--tlskey", key],
    options: (port: number) => ({ hostPort: `tls://127.0.0.1:${port}` }),
  },
  redis: {
    // Its plain port stays, and nothing reads it.
    begin: (cert: string, key: string, port: number) => [
      "--tls-port",
      String(port),
      "--tls-cert-file",
      cert,
      "--tls-key-file",
      key,
      "--tls-auth-clients",
      "no",
    ],
    options: (port: number) => ({ address: `127.0.0.1:${port}`, tls: true }),
  },
  mqtt: {
    begin: (cert: string, key: string) => [
      "allow_anonymous true",
      `certfile ${cert}`,
      `keyfile ${key}`,
    ],
    options: (port: number) => ({ broker: `ssl://127.0.0.1:${port}` }),
  },
} as const;

for (const name of ["nats", "redis", "mqtt"] as const) {
  test(
    `${name}: over TLS the server's certificate is verified`,
    { skip: skip(name) },
    async (t) => {
      const folder = folderOf(t);
      const { cert, key } = certificate(folder);
      execFileSync("chmod", ["-R", "a+rX", folder]);
      const tlsPort = 20_000 + (process.pid % 10_000);
      const { port } = await broker(t, name, TLS[name].begin(cert, key, tlsPort), folder);
      const options = TLS[name].options(name === "redis" ? tlsPort : port);
      assert.deepEqual(
        await sent(openService(name, { ...options, caCert: cert }), alertNews()),
        TAKEN,
      );
      assert.deepEqual(
        await sent(openService(name, { ...options, checkCertificate: false }), alertNews()),
        TAKEN,
      );
      const { delivered, reason } = await sent(openService(name, options), alertNews());
      assert.equal(delivered, 0);
      assert.match(reason ?? "", /self-signed certificate/);
    },
  );

  test(`${name}: whoever else answers there is told, and nothing hangs`, async (t) => {
    const peer = async (speak: (socket: Socket) => void) => {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        speak(socket);
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const address = `127.0.0.1:${port}`;
      const destination = openService(name, { hostPort: address, address, broker: address });
      const line = destination.format(alertNews()) ?? "";
      const answer = await destination.deliver([line], AbortSignal.timeout(300));
      await destination.close();
      assert.equal(answer.delivered, 0);
      return answer.reason ?? "";
    };
    assert.equal(await peer(() => {}), "it does not answer");
    assert.equal(await peer((socket) => socket.end()), "it closed the connection");
    assert.match(
      await peer((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")),
      /^it is no /,
    );
    const flood = (socket: Socket): void => {
      const more = (): void =>
        void (socket.write(Buffer.alloc(1 << 16, 0x80))
          ? setImmediate(more)
          : socket.once("drain", more));
      more();
    };
    assert.match(await peer(flood), /^it (?:says more|is no)/);
  });
}

const ENDLESS = [
  ["nats", "INFO {}\r\n", "PING\r\n"],
  ["nats", "INFO {}\r\n", "\r\n"],
  ["nats", "INFO {}\r\n", "-ERR 'x"],
  ["mqtt", "\u0020\u0002\0\0", "\u0020\u0002\0\0"],
  ["smtp", "", "220-\r\n"],
] as const;

test("who says without end what nobody waits for is left", async (t) => {
  for (const [name, greeting, endless] of ENDLESS) {
    const server = createServer((socket) => {
      socket.on("error", () => {}).resume();
      socket.write(greeting + endless.repeat((1 << 18) / endless.length), "latin1");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const hostPort = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const destination = openService(name, { hostPort, broker: hostPort, tls: false });
    const answer = await sent(destination, alertNews());
    assert.deepEqual(answer, { delivered: 0, reason: "it says more than it should" }, name);
  }
});

test("an address may have a scheme, a login and a port", () => {
  const read = (text: string) => serverAddress(text, 1, ["tls"]);
  const plain = { host: "h", port: 1, tls: false, user: "", password: "" };
  assert.deepEqual(read("h"), plain);
  assert.deepEqual(read("tls://u:p%40@[::1]:2"), {
    host: "::1",
    port: 2,
    tls: true,
    user: "u",
    password: "p@",
  });
  assert.equal(read(""), undefined);
  assert.equal(read("x://:99999999"), undefined);
  assert.equal(read("%zz:%zz@h"), undefined);
});
