import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { AuditReport } from "../../src/audit/report.ts";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

const PERL = "/usr/bin/perl";
const SLOW = { timeoutMs: 60_000 };
const NO_DOCKER = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };

const RULES = `
- rule: Bound
  desc: the old system's kind of rule, on programs of this test
  condition: evt.type = bind and fd.port != 0 and proc.name = saker-perl
  output: "bound %fd.sip %fd.sport %fd.l4proto"
  priority: WARNING
  tags: [open_port]
- rule: Accepted
  desc: a connection that a program of this test took
  condition: evt.type in (accept, accept4) and evt.rawres >= 0 and proc.name = saker-perl
  output: "accepted on %fd.sport from %fd.cport"
  priority: NOTICE
`;

/** `sock` binds; `serve` greets as SSH does, until a line comes on standard input. */
const PROGRAM = `use Socket; $SIG{PIPE} = "IGNORE";
sub sock { my ($type, $addr, $port, $reuse) = @_;
  socket(my $s, AF_INET, $type, 0) or die "socket $!";
  setsockopt($s, SOL_SOCKET, $reuse ? SO_REUSEPORT : SO_REUSEADDR, 1) or die "setsockopt $!";
  bind($s, sockaddr_in($port, inet_aton($addr))) or die "bind $!"; return $s; }
sub serve { my ($s) = @_; listen($s, 99);
  for (;;) { my $in = ""; vec($in, 0, 1) = 1; vec($in, fileno($s), 1) = 1; select($in, undef, undef, undef);
    if (vec($in, 0, 1)) { <STDIN>; close $s; return; }
    accept(my $c, $s); syswrite($c, "SSH-2.0-test\\r\\n"); close $c; } }
`;

interface Line {
  readonly rule: string;
  readonly output: string;
  readonly output_fields: Readonly<Record<string, unknown>>;
}

const missing = whyNoBpf() ?? (existsSync(PERL) ? undefined : "needs perl");

describe("ports that open, whatever the program does", { skip: missing ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-ports-"));
  const tls = join(folder, "report/tls");
  const programs = new Set<ChildProcess>();
  let watch: RunningSaker;

  const lines = (file: string): Line[] =>
    readFileSync(join(folder, "report", file), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line);
  const bound = (port: number): Line[] =>
    lines("openport.txt").filter(({ output }) => output.includes(` ${port} `));
  const seen = (): string => watch.err() + watch.out();
  const reportOf = async (name: string): Promise<AuditReport> => {
    const path = join(tls, `${name}.json`);
    await until(path, () => existsSync(path), { seen, ...SLOW });
    return JSON.parse(readFileSync(path, "utf8")) as AuditReport;
  };
  /** Runs a script until the test ends; a line on its standard input lets \`<STDIN>\` return. */
  const perl = (script: string): ChildProcess => {
    const child = spawn(join(folder, "saker-perl"), ["-e", PROGRAM + script], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    programs.add(child);
    return child;
  };
  const goOn = (child: ChildProcess): unknown => child.stdin?.write("\n");

  // None that was tried by listening: that would be an opening of this test's own program.
  let ports = 21_500 + (process.pid % 500) * 16;
  const nextPort = (): number => (ports += 1);

  before(async () => {
    // A name of its own: other programs of this host may be Perl's, too.
    copyFileSync(PERL, join(folder, "saker-perl"));
    writeFileSync(join(folder, "rules.yaml"), RULES);
    writeFileSync(
      join(folder, "saker.yaml"),
      "json_output: true\nstdout_output: {enabled: false}\n",
    );
    watch = startSaker(["watch", "--rules", "rules.yaml", "--config", "saker.yaml"], {
      env: NO_DOCKER,
      cwd: folder,
    });
    await until("the watch to begin", () => watch.err().includes("watching"), { seen, ...SLOW });
  });

  after(async () => {
    for (const child of programs) child.kill("SIGKILL");
    await watch?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a bound port is alerted at once, and examined when it listens", async () => {
    const port = nextPort();
    const child = perl(`my $s = sock(SOCK_STREAM, "127.0.0.1", ${port}); <STDIN>; serve($s);`);
    await until("the alert", () => bound(port).length === 1, { seen, ...SLOW });
    assert.equal(existsSync(join(tls, `host_${port}.json`)), false);
    goOn(child);
    const report = await reportOf(`host_${port}`);
    assert.deepEqual(
      [report.tls, report.speaks, report.listener?.address],
      [false, "ssh", "127.0.0.1"],
    );
    assert.equal(bound(port).length, 1);
  });

  test("two addresses and a second program on one number have a report each", async () => {
    const port = nextPort();
    const run = (address: string): string => `127.0.0.${address}`;
    perl(`my $s = sock(SOCK_STREAM, "${run("1")}", ${port}, 1); serve($s);`);
    await reportOf(`host_${port}`);
    perl(`my $s = sock(SOCK_STREAM, "${run("2")}", ${port}, 1); serve($s);`);
    await reportOf(`host_${port}_127.0.0.2`);
    perl(`my $other = 1; my $s = sock(SOCK_STREAM, "${run("1")}", ${port}, 1); serve($s);`);
    await reportOf(`host_${port}_127.0.0.1`);
    assert.equal(bound(port).length, 3);
  });

  test("a port that opens three times keeps its earlier reports", async () => {
    const port = nextPort();
    const once = `serve(sock(SOCK_STREAM, "127.0.0.1", ${port}));`;
    const child = perl(`${once} ${once} ${once} <STDIN>;`);
    const kept = (): string[] =>
      existsSync(tls) ? readdirSync(tls).filter((name) => name.startsWith(`host_${port}.`)) : [];
    for (const [turn, count] of [2, 4, 6].entries()) {
      await until(`report ${turn + 1}`, () => kept().length === count, { seen, ...SLOW });
      goOn(child);
    }
    const newest = await reportOf(`host_${port}`);
    assert.ok(newest.changes !== undefined);
    await until("all alerts", () => bound(port).length === 3, { seen, ...SLOW });
  });

  test("one that listens for a moment only could not be examined, which is no 'no TLS'", async () => {
    const port = nextPort();
    perl(`my $s = sock(SOCK_STREAM, "127.0.0.1", ${port}); listen($s, 9); close $s; <STDIN>;`);
    const report = await reportOf(`host_${port}`);
    assert.equal(report.tls, undefined);
    assert.equal(report.errors.length, 1);
    assert.match(readFileSync(join(tls, `host_${port}.txt`), "utf8"), /could not be examined/);
  });

  test("UDP is alerted as what it is, and not taken for a TCP port", async () => {
    const port = nextPort();
    perl(`my $s = sock(SOCK_DGRAM, "127.0.0.1", ${port}); <STDIN>;`);
    await until("the alert", () => bound(port).length === 1, { seen, ...SLOW });
    assert.match(bound(port)[0]?.output ?? "", / udp /);
    assert.equal(existsSync(join(tls, `host_${port}.json`)), false);
  });

  test("10,000 sockets that never listen delay and hide nobody", async () => {
    // Where another program of this host has a port already, that one is left out.
    const child = perl(`my @s; for my $a (1 .. 10) { for my $p (1201 .. 2200) {
      eval { push @s, sock(SOCK_STREAM, "127.77.0.$a", $p) }; } } <STDIN>;`);
    const alerts = (): Line[] =>
      lines("openport.txt").filter(({ output }) => output.includes("bound 127.77.0."));
    await until("the last alerts", () => alerts().length > 9000, { seen, ...SLOW });
    const port = nextPort();
    perl(`my $s = sock(SOCK_STREAM, "127.0.0.1", ${port}); serve($s);`);
    const report = await reportOf(`host_${port}`);
    assert.equal(report.speaks, "ssh", JSON.stringify(report));
    child.kill("SIGKILL");
  });

  test("what our own examination makes a program do is left out, what others do is not", async () => {
    const port = nextPort();
    perl(`my $s = sock(SOCK_STREAM, "127.0.0.1", ${port}); serve($s);`);
    await reportOf(`host_${port}`);
    const client = connect(port, "127.0.0.1");
    await new Promise((resolve) => client.once("connect", resolve));
    const { localPort } = client;
    client.on("error", () => {}).destroy();
    const accepted = (): Line[] =>
      lines("falco_report.txt").filter(({ output }) => output.includes(`accepted on ${port} `));
    await until("the client's alert", () => accepted().length > 0, { seen, ...SLOW });
    assert.deepEqual(
      accepted().map(({ output }) => / from (\d+) /.exec(output)?.[1]),
      [String(localPort)],
    );
    await watch.stop();
    assert.match(watch.err(), /\d+ alerts left out: our own examination made the program do it/);
  });
});
