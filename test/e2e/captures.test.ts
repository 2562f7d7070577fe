import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { readCapture } from "../../src/capture/scap-reader.ts";
import { CaptureFile } from "../../src/capture/scap-writer.ts";
import { CaptureInvariants } from "../fixtures/capture-invariants.ts";
import { captureBytes, capturedEvent, SMALL_HOST } from "../fixtures/captures.ts";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { saker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

/** What `append_output: suggested_output`, the default, adds. */
const SUGGESTED =
  "container_id=host container_name=host container_image_repository= container_image_tag= k8s_pod_name=<NA> k8s_ns_name=<NA>";

const noDocker = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };
const noSysdig =
  spawnSync("sysdig", ["--version"]).error !== undefined && "needs sysdig (Debian's package)";
const RULES = `- {rule: Shadow, desc: d, condition: "evt.type = openat and fd.name = /etc/shadow", output: "%proc.name read %fd.name", priority: WARNING, tags: [t]}
- {rule: Shells, desc: d, condition: "evt.type = execve and proc.pname = sh", output: "%proc.cmdline", priority: INFO}
`;

describe("saker on captures", () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-captures-"));
  const [capture, rules] = [join(folder, "small.scap"), join(folder, "rules.yaml")];
  writeFileSync(capture, captureBytes());
  writeFileSync(rules, RULES);
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("replay prints Falco's lines, and says how many events there were", async () => {
    const { code, out, err } = await saker(["replay", capture, "--rules", rules], {
      env: { TZ: "UTC" },
    });
    assert.equal(code, 0, err);
    assert.equal(
      out,
      `22:13:20.001000000: Warning sh read /etc/shadow ${SUGGESTED}\n22:13:20.005000000: Informational id -u ${SUGGESTED}\n`,
    );
    assert.match(err, /small\.scap: 10 events in .* 2 alerts/);
  });

  test("replay --json --stats prints alerts and then the numbers as JSON; gzip is read, too", async () => {
    const packed = join(folder, "small.scap.gz");
    writeFileSync(packed, gzipSync(captureBytes()));
    const { code, out } = await saker(["replay", packed, "--rules", rules, "--json", "--stats"]);
    assert.equal(code, 0);
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.slice(0, 2).map((line) => line["rule"]),
      ["Shadow", "Shells"],
    );
    const { stats } = lines[2] as { stats: Record<string, unknown> };
    assert.deepEqual(
      [stats["events"], stats["alerts"], stats["alertsByRule"], stats["truncated"]],
      [10, 2, { Shadow: 1, Shells: 1 }, null],
    );
  });

  test("replay --stats: the events are those of its types, whatever else the capture holds", async () => {
    const path = join(folder, "state.scap");
    const file = new CaptureFile(path);
    file.section(SMALL_HOST);
    const opened = capturedEvent("chdir", { res: 0, path: "/tmp" });
    // One that makes the state alone, and two that are shown.
    file.event(opened, true);
    file.event(opened);
    file.event(opened);
    file.close();
    const { out } = await saker(["replay", path, "--rules", rules, "--json", "--stats"]);
    const { stats } = JSON.parse(out) as { stats: Record<string, unknown> };
    assert.deepEqual([stats["events"], stats["eventsByType"], stats["read"]], [2, { chdir: 2 }, 3]);
    const { out: text, err } = await saker(["replay", path, "--rules", rules, "--stats"]);
    assert.match(text, /^2 events; 3 in the capture with those that make its state alone/m);
    assert.match(err, /state\.scap: 2 events in/);
  });

  test("replay --from, --to and --where choose events; --write makes a capture of them that stands alone", async () => {
    const written = join(folder, "part.scap");
    const windowed = await saker(["replay", capture, "--rules", rules, "--from", "3ms"], {
      env: { TZ: "UTC" },
    });
    assert.equal(windowed.out, `22:13:20.005000000: Informational id -u ${SUGGESTED}\n`);
    const { code, err } = await saker(
      [
        "replay",
        capture,
        "--write",
        written,
        "--where",
        "evt.type in (execve, close)",
        "--to",
        "22:13:21",
      ],
      { env: { TZ: "UTC" } },
    );
    assert.equal(code, 0, err);
    assert.match(err, /2 events written to .*part\.scap/);
    const { out } = await saker([
      "events",
      written,
      "--format",
      "%evt.type %proc.name %proc.pname %fd.name",
    ]);
    assert.equal(out, "execve id sh <NA>\nclose sh init /etc/shadow\n");
  });

  test("events lists a capture as sysdig does, and prints the register", async () => {
    const listed = await saker(["events", capture, "--where", "evt.type = openat"], {
      env: { TZ: "UTC" },
    });
    assert.equal(
      listed.out,
      "1 22:13:20.001000000 0 sh (100) < openat fd=5(<f>/etc/shadow) dirfd=-100(AT_FDCWD) name=../etc/shadow(/etc/shadow) flags=1(O_RDONLY) mode=0 dev=1 ino=2\n",
    );
    const json = await saker([
      "events",
      capture,
      "--json",
      "--limit",
      "2",
      "--format",
      "%evt.num %fd.name",
    ]);
    assert.deepEqual(
      json.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
      [
        { "evt.num": 1, "fd.name": "/etc/shadow" },
        { "evt.num": 2, "fd.name": "/etc/shadow" },
      ],
    );
    const register = await saker(["events"]);
    assert.match(
      register.out,
      /^openat\(fd:FD, dirfd:FD, name:FSRELPATH, flags:FLAGS32, mode:UINT32, dev:UINT32, ino:UINT64\)/m,
    );
    assert.doesNotMatch(register.out, /of old captures/);
    const all = await saker(["events", "--all"]);
    assert.match(all.out, /^execve\(res:ERRNO, .*of old captures$/m);
  });

  test("a capture that is cut, or is none, is said in one line", async () => {
    const [cut, none] = [join(folder, "cut.scap"), join(folder, "none.scap")];
    writeFileSync(cut, captureBytes().subarray(0, -30));
    writeFileSync(none, "this is a text\n");
    const cutShort = await saker(["replay", cut, "--rules", rules]);
    assert.equal(cutShort.code, 0);
    assert.match(
      cutShort.err,
      /warning: capture ".*cut\.scap" is not whole: it ends within a block at byte \d+; what comes before was replayed/,
    );
    assert.equal(cutShort.out.trim().split("\n").length, 2);
    for (const [path, message, expected] of [
      [none, /Cannot read capture ".*none\.scap": .*it is no scap file/, 1],
      [join(folder, "missing"), /Cannot read capture ".*missing": no such file/, 2],
    ] as const) {
      const { code, err } = await saker(["replay", path, "--rules", rules]);
      assert.deepEqual([code, message.test(err)], [expected, true], err);
    }
  });

  test("usage that cannot be is one line and a hint", async () => {
    for (const [args, error] of [
      [["replay", capture, "--from", "soon"], /Cannot use --from "soon"/],
      [["replay", capture, "--where", "proc.nmae = x"], /Cannot use --where "proc.nmae = x"/],
      [["replay", capture, "--write", capture], /it is the capture that is read/],
      [["events", capture, "--format", "%proc.nmae"], /Cannot use --format "%proc.nmae"/],
      [["events", capture, "--limit", "0"], /Cannot use --limit "0"/],
      [
        ["record", "-o", join(folder, "x.scap"), "--max-size", "much"],
        /Cannot use --max-size "much"/,
      ],
    ] as const) {
      const { code, err } = await saker(args);
      assert.deepEqual(
        [code, error.test(err), /hint: /.test(err)],
        [2, true, true],
        `${args.join(" ")}: ${err}`,
      );
    }
  });

  test("rules test and rules explain take captures", async () => {
    const tests = join(folder, "tests.yaml");
    writeFileSync(
      tests,
      `- {test: both, rules: [rules.yaml], capture: small.scap, expect: [Shadow, Shells]}
- {test: a condition, capture: small.scap, condition: "proc.name = nobody", expect: false}
- {test: none, rules: [rules.yaml], capture: small.scap, expect: [Shells]}
`,
    );
    const { code, out } = await saker(["rules", "test", tests]);
    assert.equal(code, 1);
    assert.match(
      out,
      /failed .*tests\.yaml:3: none: expected Shells, got Shadow, Shells\n {2}Shadow: matches event 1\n2 passed, 1 failed/,
    );
    const explained = await saker([
      "rules",
      "explain",
      "Shadow",
      "--rules",
      rules,
      "--capture",
      capture,
    ]);
    assert.match(
      explained.out,
      /^Shadow matches openat of sh \(100\), because\n {2}holds {2}evt\.type = openat.*\n {2}holds {2}fd\.name = \/etc\/shadow/m,
    );
  });
});

describe("saker record and capture", { skip: whyNoBpf() }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-record-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("record writes what happens; replay, events and sysdig read it", async (t) => {
    const path = join(folder, "live.scap");
    const recording = startSaker(["record", "-o", path], { env: noDocker });
    t.after(() => recording.stop());
    await until("the recording to begin", () => recording.err().includes("recording this host"), {
      seen: recording.err,
    });
    execFileSync(
      "sh",
      [
        "-c",
        `cd / && cat "${folder}/../${folder.split("/").at(-1) ?? ""}/saker-record-read" 2> /dev/null; exec mkdir "${folder}/saker-record-made"`,
      ],
      { stdio: "pipe" },
    );
    await sleep(800);
    const { code } = await recording.stop();
    assert.equal(code, 0, recording.err());
    assert.match(recording.err(), /\d+ events, 0 dropped, 0 malformed/);
    const { out } = await saker([
      "events",
      path,
      "--where",
      "evt.type in (mkdir, mkdirat) and evt.args contains saker-record",
      "--format",
      "%proc.name %proc.pname %evt.res %fs.path.name",
    ]);
    assert.match(out, /^mkdir \S+ SUCCESS .*saker-record-made$/m);
    const stats = JSON.parse(
      (await saker(["replay", path, "--json", "--stats"])).out.trim().split("\n").at(-1) ?? "{}",
    ) as { stats: { truncated: unknown; unknown: number; threads: number } };
    assert.deepEqual([stats.stats.truncated, stats.stats.unknown], [null, 0]);
    assert.ok(stats.stats.threads > 3);
    if (noSysdig !== false) {
      t.diagnostic(`sysdig was not asked: ${noSysdig}`);
      return;
    }
    const lines = execFileSync("sysdig", ["-r", path, "evt.type in (mkdir, mkdirat)"]).toString();
    assert.match(lines, /mkdir(?:at)? .*saker-record-made/);
  });

  test(
    "record on a full disk is one error",
    { skip: !existsSync("/dev/full") && "needs /dev/full" },
    async () => {
      const { code, err } = await saker(["record", "-o", "/dev/full", "--duration", "20s"], {
        env: noDocker,
      });
      assert.equal(code, 1);
      assert.match(err, /^saker: error: Cannot write capture "\/dev\/full": ENOSPC/m);
    },
  );

  test("a rule with capture: true writes the seconds around its match", async (t) => {
    const [rules, config] = [join(folder, "capture.yaml"), join(folder, "saker.yaml")];
    writeFileSync(
      rules,
      `- {rule: Marked, desc: d, condition: "evt.type in (mkdir, mkdirat) and evt.args contains saker-capture-mark", output: marked, priority: NOTICE, capture: true, capture_duration: 4000}
- {rule: Others, desc: d, condition: "evt.type in (mkdir, mkdirat, symlinkat, symlink) and evt.args contains nothing-like-it", output: other, priority: DEBUG}
`,
    );
    writeFileSync(config, `capture: {enabled: true, path_prefix: ${folder}/incident}\n`);
    const watch = startSaker(
      [
        "watch",
        "--rules",
        rules,
        "--config",
        config,
        "--report",
        join(folder, "report"),
        "--no-audit",
      ],
      { env: noDocker },
    );
    t.after(() => watch.stop());
    await until("the watch to begin", () => watch.err().includes("watching"), { seen: watch.err });
    execFileSync("mkdir", [join(folder, "saker-capture-before")]);
    // Events have the kernel's time: how long the watch takes to come to them does not matter.
    for (const name of ["mark", "after"])
      execFileSync("mkdir", [join(folder, `saker-capture-${name}`)]);
    await until("the capture to begin", () => watch.err().includes("capturing events to"), {
      seen: watch.err,
    });
    await sleep(5000);
    execFileSync("mkdir", [join(folder, "saker-capture-late")]);
    await watch.stop();
    const files = readdirSync(folder).filter((name) => /^incident_\d{20}_\d{20}\.scap$/.test(name));
    assert.equal(files.length, 1);
    const { out } = await saker([
      "events",
      join(folder, files[0] ?? ""),
      "--where",
      "evt.args contains saker-capture",
      "--format",
      "%evt.arg.path",
    ]);
    assert.deepEqual(
      out
        .split("\n")
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(path.lastIndexOf("-") + 1)),
      ["before", "mark", "after"],
    );
  });
});

describe("saker record with containers", { skip: dockerdMissing() ?? whyNoBpf() }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-record-docker-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("a recording tells of containers: those that ran, and those that started and ended meanwhile", async (t) => {
    const dockerd = await startDockerd();
    t.after(() => dockerd.stop());
    const image = "saker-test/busy:2";
    await dockerd.importImage({ reference: image });
    await dockerd.docker(
      "run",
      "-d",
      "--name",
      "early",
      image,
      "/bin/busybox",
      "sh",
      "-c",
      "while true; do cat /etc/hostname; sleep 0.3; done",
    );
    const path = join(folder, "containers.scap");
    const recording = startSaker(["record", "-o", path], { env: dockerd.env });
    t.after(() => recording.stop());
    await until("the recording to begin", () => recording.err().includes("recording this host"), {
      seen: recording.err,
    });
    const listedAt = BigInt(Date.now()) * 1_000_000n;
    await dockerd.docker(
      "run",
      "--rm",
      "--name",
      "brief",
      image,
      "/bin/busybox",
      "cat",
      "/etc/passwd",
    );
    // First processes that end before their children, who end with them.
    const orphans = "for i in 1 2 3; do sleep 5 & done; exec true";
    for (let round = 0; round < 3; round += 1)
      await dockerd.docker("run", "--rm", image, "/bin/busybox", "sh", "-c", orphans);
    const format = "%container.name %container.image.repository %container.image.tag %fd.name";
    const where =
      "evt.type in (open, openat) and fd.name in (/etc/hostname, /etc/passwd) and container.id != host";
    // The file grows while it is read: what is there so far is a capture whose end is cut.
    const expected = [
      "early saker-test/busy 2 /etc/hostname",
      "brief saker-test/busy 2 /etc/passwd",
    ];
    for (let tries = 0; ; tries += 1) {
      await sleep(500);
      const lines = (await saker(["events", path, "--where", where, "--format", format])).out
        .trim()
        .split("\n");
      if (expected.every((line) => lines.includes(line))) break;
      assert.ok(
        tries < 30,
        `not all of ${expected.join(", ")} are among ${[...new Set(lines)].join(", ")}`,
      );
    }
    await recording.stop();
    const invariants = new CaptureInvariants({ listedAt });
    await readCapture(path, invariants);
    assert.ok(invariants.events > 1000);
    assert.deepEqual(invariants.broken, []);
  });
});
