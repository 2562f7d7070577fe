import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { CaptureFile } from "../../src/capture/scap-writer.ts";
import { captureBytes, capturedEvent, SMALL_HOST } from "../fixtures/captures.ts";
import { saker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const canWatch = isRoot && existsSync("/sys/kernel/btf/vmlinux");
const noDocker = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };

describe("saker's command line", () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-cli-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("says what is wrong with usage in one line and a hint, exit code 2", async () => {
    for (const [args, error, hint] of [
      [["wach"], /^saker: error: unknown command 'wach'$/m, /watch/],
      [["watch", "--source", "scap:x"], /Cannot watch source "scap:x"/, /saker replay x/],
      [["watch", "--duration", "soon"], /Cannot use --duration "soon"/, /30s/],
      [["audit", "nowhere"], /Cannot examine "nowhere": it names no port/, /host:port/],
      [["audit", "127.0.0.1:1", "--format", "pdf"], /Cannot print as "pdf"/, /text, json, .*nmap/],
      [["fields", "procs"], /class "procs"/, /process/],
      [["silence", "R", "--for", "2", "--because", "x"], /"2" is no time with a unit/, /--for 2h/],
      [
        ["rules", "test", "/nonexistent.yaml"],
        /Cannot read rule tests "\/nonexistent.yaml": ENOENT/,
        /saker: error/,
      ],
      [
        ["rules", "list", "--priority", "loud"],
        /Cannot list rules of priority "loud"/,
        /priorities are Emergency/,
      ],
      [
        ["rules", "show", "Reverse shel"],
        /Cannot find rule "Reverse shel"/,
        /did you mean "Reverse shell"/,
      ],
      [[], /Cannot run: no command given/, /^Usage: saker \[options\] \[command\]/],
      [["rules"], /Cannot run: no command given/, /^Usage: saker rules/],
      [["rules", "list", "--x"], /unknown option '--x'/, /saker rules list --help lists the opt/],
      [["replay"], /missing required argument 'file'/, /saker replay --help lists the options/],
      [["watch", "--source", "nothing"], /Cannot watch source "nothing"/, /sources are auto/],
    ] as const) {
      const { code, err } = await saker(args);
      assert.deepEqual(
        [code, error.test(err), hint.test(err)],
        [2, true, true],
        `${args.join(" ")}: ${err}`,
      );
    }
  });

  test("a file that is not there, or cannot be made, ends every command with exit code 2", async () => {
    const none = "/nonexistent/file";
    const capture = join(folder, "some.scap");
    writeFileSync(capture, captureBytes());
    for (const args of [
      ["replay", none],
      ["replay", folder],
      ["replay", capture, "--rules", none],
      ["replay", capture, "--config", none],
      ["replay", capture, "--write", none],
      ["events", none],
      ["events", folder],
      ["record", "-o", none],
      ["record", "-o", folder],
      ["record", "-o", join(folder, "x.scap"), "--config", none],
      ["rules", "check", none],
      ["rules", "check", "--cost", none],
      ["rules", "list", none],
      ["rules", "show", "Reverse shell", none],
      ["rules", "explain", "Reverse shell", none],
      ["rules", "explain", "Reverse shell", "--capture", none],
      ["rules", "test", none],
      ["audit", `@${none}`],
      ["audit", "127.0.0.1:1", "--ca-file", none],
      ["audit", "127.0.0.1:1", "--output", none],
      ["config", "print", none],
      ["config", "check", none],
      ["watch", "--config", none],
      ["watch", "--rules", none],
    ]) {
      const { code, err } = await saker(args);
      const isSaid = /^saker: error: Cannot (?:read|load|write|use) /m.test(err);
      assert.deepEqual([code, isSaid], [2, true], `${args.join(" ")}: ${err}`);
    }
  });

  test("fields prints the table of one class, as text and with every mark as JSON", async () => {
    const text = await saker(["fields", "fd"]);
    assert.match(
      text.out,
      /fd\.net +IPNET +Network of either end \(several values, conditions only\)/,
    );
    assert.match(
      text.out,
      /fd\.sip\.name +CHARBUF +Host name of the server's address.+ \(several values\)/,
    );
    assert.match(
      (await saker(["fields", "evt"])).out,
      /evt\.latency +RELTIME .+ \(not computed yet, deprecated\)/,
    );
    const json = await saker(["fields", "fd", "--json"]);
    const described = json.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual([...new Set(described.map((field) => field["class"]))], ["fd"]);
    assert.deepEqual(
      described.find((field) => field["name"] === "fd.net"),
      {
        name: "fd.net",
        class: "fd",
        type: "IPNET",
        doc: "Network of either end",
        argument: null,
        list: false,
        several: true,
        filterOnly: true,
        printOnly: false,
        noRightSide: true,
        noTransformer: true,
        suggested: false,
        metadata: false,
        deprecated: false,
        computed: true,
      },
    );
    assert.equal(described.find((field) => field["name"] === "fd.sip.name")?.["computed"], true);
  });

  test("words that others chose reach no terminal raw: a program's name, a rule's, a capture's", async (t) => {
    // oxlint-disable-next-line no-control-regex -- these are the ones that must not get through
    const unseen = /[\u0001-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029]/;
    const hostile = "x\u001b[2J\u009b\u202e";
    const server = spawn(process.execPath, [
      "-e",
      `require("fs").writeFileSync("/proc/self/comm", ${JSON.stringify(hostile)}); require("net").createServer().listen(0, "127.0.0.1", () => console.log("ready"))`,
    ]);
    t.after(() => server.kill("SIGKILL"));
    await once(server.stdout, "data");
    const [rules, capture] = [join(folder, "hostile.yaml"), join(folder, "hostile.scap")];
    const name = JSON.stringify(hostile);
    writeFileSync(
      rules,
      `- {rule: ${name}, desc: ${name}, condition: 'evt.type = chdir', output: ${name}, priority: INFO, tags: [${name}]}\n`,
    );
    const file = new CaptureFile(capture);
    file.section(SMALL_HOST);
    file.event(capturedEvent("chdir", { res: 0, path: hostile }));
    file.close();
    for (const args of [
      ["ports"],
      ["ports", "--json"],
      ["events", capture],
      ["events", capture, "--json"],
      ["events", capture, "--format", "%evt.arg.path"],
      ["replay", capture, "--rules", rules, "--stats"],
      ["replay", capture, "--rules", rules, "--stats", "--json"],
      ["replay", capture, "--rules", join(folder, hostile)],
      ["rules", "list", rules],
      ["rules", "list", rules, "--json"],
      ["rules", "show", hostile, rules],
      ["rules", "explain", hostile, rules, "--capture", capture],
      ["rules", "explain", hostile, rules, "--capture", capture, "--json"],
      ["rules", "check", rules],
      ["rules", "check", rules, "--cost"],
      [hostile],
      ["audit", `${hostile}:1`],
      ["config", "print", hostile],
    ]) {
      const { out, err } = await saker(args, { env: noDocker });
      assert.doesNotMatch(out + err, unseen, `${args.join(" ")}: ${JSON.stringify(out + err)}`);
      assert.notEqual(out + err, "");
    }
    const { out } = await saker(["ports"], { env: noDocker });
    if (isRoot) assert.ok(out.includes("x\\u001b[2J"), out);
  });

  test("fields --help names every class that fields prints", async () => {
    const listed = await saker(["fields", "--json"]);
    const classes = new Set(
      listed.out
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { class: string }).class),
    );
    for (const args of [
      ["fields", "--help"],
      ["help", "fields"],
    ]) {
      const { code, out } = await saker(args);
      const [, names = ""] = /one class: ((?:[a-z0-9.]+,?\s+)+)/.exec(out) ?? [];
      assert.deepEqual([code, names.trim().split(/,?\s+/)], [0, [...classes]]);
    }
  });

  test(
    "the probe needs CAP_BPF and CAP_PERFMON, nothing else, and who has not is told so",
    { skip: canWatch ? false : "needs root and BTF" },
    async () => {
      const as = (capabilities: string) => {
        const sets = ["--inh-caps", "--ambient-caps"].flatMap((set) => [set, capabilities]);
        const user = ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"];
        return saker(["doctor", "--json"], { through: ["setpriv", ...user, ...sets] });
      };
      const probe = ({ out }: { readonly out: string }) =>
        out
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as { name: string; state: string; hint?: string })
          .find(({ name }) => name === "probe");
      assert.equal(probe(await as("-all,+bpf,+perfmon"))?.state, "ok");
      const lesser = probe(await as("-all,+bpf"));
      assert.equal(lesser?.state, "missing");
      assert.match(lesser?.hint ?? "", /capabilities CAP_BPF and CAP_PERFMON \(/);
    },
  );

  test("says that a rules folder does not exist, exit code 2", async () => {
    const { code, err } = await saker(["watch", "--rules", "/nonexistent/rules"]);
    assert.equal(code, 2);
    assert.match(err, /^saker: error: Cannot load rules from "\/nonexistent\/rules": ENOENT/m);
    assert.match(err, /^saker: hint: name a rules file/m);
  });

  test("starts nothing with a broken rule file, and shows file, line, column, caret and hint", async () => {
    const path = join(folder, "broken.yaml");
    writeFileSync(
      path,
      '- rule: Broken\n  desc: d\n  condition: >\n    evt.type = listen and\n    proc.nmae = "x"\n  output: "%proc.name"\n  priority: NOTICE\n',
    );
    const { code, err, out } = await saker([
      "watch",
      "--rules",
      path,
      "--report",
      join(folder, "none"),
    ]);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.ok(
      err.includes(`${path}:5:5: error LOAD_ERR_COMPILE_CONDITION: unknown field "proc.nmae"`),
      err,
    );
    assert.ok(err.includes('      proc.nmae = "x"\n      ^^^^^^^^^\n'), err);
    assert.match(err, /did you mean "proc.name"\?/);
    assert.equal(existsSync(join(folder, "none")), false);
  });

  test("rules check prints Falco's result shape", async () => {
    const { code, out } = await saker(["rules", "check", "--json", join(folder, "broken.yaml")]);
    const result = JSON.parse(out) as {
      falco_load_results: { successful: boolean; errors: { code: string; item_name: string }[] }[];
    };
    assert.equal(code, 1);
    assert.equal(result.falco_load_results[0]?.successful, false);
    assert.deepEqual(
      result.falco_load_results[0]?.errors.map(({ code: error, item_name: item }) => [error, item]),
      [["LOAD_ERR_COMPILE_CONDITION", "Broken"]],
    );
  });

  test("rules list and rules check take the shipped rules without a word of complaint", async () => {
    const list = await saker(["rules", "list", "--json"]);
    const names = list.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { name: string; tags: string[] });
    assert.ok(
      names.some(
        (rule) => rule.name === "Port opened in container" && rule.tags.includes("open_port"),
      ),
    );
    assert.deepEqual([list.code, list.err], [0, ""]);
    const shipped = await saker(["rules", "check"]);
    assert.equal(shipped.code, 0);
    assert.match(shipped.out, /\n\d+ rules, .*; \d+ of them switched off\n$/);
  });

  test("rules list filters by name, tag, priority, event and state", async () => {
    const path = join(folder, "listed.yaml");
    const rule = (name: string, rest: string): string =>
      `- rule: ${name}\n  desc: d\n  output: o\n${rest}`;
    writeFileSync(
      path,
      rule("Alpha", "  condition: evt.type = listen\n  priority: ERROR\n  tags: [a, b]\n") +
        rule(
          "Beta",
          "  condition: evt.type = execve\n  priority: DEBUG\n  tags: [a]\n  enabled: false\n",
        ),
    );
    for (const [filters, names] of [
      [[], ["Alpha", "Beta"]],
      [["--name", "al*"], ["Alpha"]],
      [["--tag", "a", "--tag", "b"], ["Alpha"]],
      [["--priority", "warning"], ["Alpha"]],
      [["--event", "execve"], ["Beta"]],
      [["--disabled"], ["Beta"]],
      [["--enabled", "--tag", "x"], []],
    ] as const) {
      const { out } = await saker(["rules", "list", path, "--json", ...filters]);
      assert.deepEqual(
        out
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => (JSON.parse(line) as { name: string }).name),
        names,
        filters.join(" "),
      );
    }
  });

  test("rules show prints one rule with lists and macros in their place", async () => {
    const path = join(folder, "shown.yaml");
    writeFileSync(
      path,
      "- list: l\n  items: [a, b]\n- macro: m\n  condition: proc.name in (l)\n- rule: Shown\n  desc: d\n  condition: evt.type = open and m\n  output: o %fd.name\n  priority: NOTICE\n",
    );
    const { code, out } = await saker(["rules", "show", "shown", "--rules", path, "--json"]);
    const { condition, expanded, events, fields } = JSON.parse(out) as Record<string, unknown>;
    assert.deepEqual(
      [code, condition, expanded, events, fields],
      [
        0,
        "evt.type = open and m",
        "(evt.type = open and proc.name in (a, b))",
        ["open"],
        ["evt.type", "fd.name", "proc.name"],
      ],
    );
    assert.match(
      (await saker(["rules", "show", "Shown", "--rules", path])).out,
      /^condition\n {2}evt.type = open and proc.name in \(a, b\)$/m,
    );
  });

  test("rules test runs the shipped rules' tests, and says why one of its own fails", async () => {
    const shipped = await saker(["rules", "test"]);
    assert.match(shipped.out, /^\d+ passed, 0 failed$/m);
    const path = join(folder, "mine.test.yaml");
    writeFileSync(
      path,
      "- test: mine\n  rules: [shown.yaml]\n  event: {evt.type: open, proc.name: c}\n  expect: [Shown]\n",
    );
    const { code, out } = await saker(["rules", "test", path]);
    assert.equal(code, 1);
    assert.ok(
      out.includes(
        `failed ${path}:1: mine: expected Shown, got no rule\n  Shown: fails proc.name in (a, b) (proc.name is "c")\n0 passed, 1 failed\n`,
      ),
      out,
    );
    writeFileSync(path, "- test: mine\n  event: {evt.typo: open}\n  expect: []\n");
    const broken = await saker(["rules", "test", path]);
    assert.equal(broken.code, 2);
    assert.match(broken.err, /mine.test.yaml:2:11: error .*unknown field "evt.typo"/);
  });

  test("rules schema prints a JSON Schema", async () => {
    const { code, out } = await saker(["rules", "schema"]);
    assert.deepEqual(
      [code, (JSON.parse(out) as { $schema: string }).$schema],
      [0, "https://json-schema.org/draft/2020-12/schema"],
    );
  });

  test(
    "rules explain says of a live event what decided",
    { skip: !canWatch && "needs root and a kernel with BTF" },
    async () => {
      const path = join(folder, "explained.yaml");
      writeFileSync(
        path,
        "- rule: Explained\n  desc: d\n  condition: evt.type = chdir and evt.rawres = 0 and proc.name = nobody\n  output: o\n  priority: NOTICE\n",
      );
      const explain = startSaker(
        [
          "rules",
          "explain",
          "Explained",
          "--rules",
          path,
          "--where",
          "proc.cwd = /usr/share/",
          "--limit",
          "1",
          "--duration",
          "20s",
        ],
        { env: noDocker },
      );
      await until("the watch to begin", () => explain.err().includes("explaining Explained"), {
        seen: explain.err,
      });
      const acts = setInterval(() => execFileSync("sh", ["-c", "cd /usr/share"]), 200);
      await until("the explanation", () => explain.out().includes("fails  proc.name = nobody"), {
        seen: () => explain.out() + explain.err(),
      });
      clearInterval(acts);
      assert.match(
        explain.out(),
        /^Explained does not match chdir of sh \(\d+\), because\n {2}fails {2}proc.name = nobody {2}\(proc.name is "sh"\)$/m,
      );
      await explain.stop();
    },
  );

  test("rules check, list, show and explain take paths as arguments and with --rules", async () => {
    const path = join(folder, "paths.yaml");
    writeFileSync(
      path,
      "- rule: Of paths\n  desc: d\n  condition: evt.type = chdir and container\n  output: o\n  priority: NOTICE\n",
    );
    for (const [command, ...name] of [["check"], ["list"], ["show", "Of paths"]]) {
      const [plain, named] = await Promise.all([
        saker(["rules", command ?? "", ...name, path]),
        saker(["rules", command ?? "", ...name, "--rules", path]),
      ]);
      assert.deepEqual([plain.code, plain.out], [0, named.out]);
      assert.match(plain.out, command === "check" ? /LOAD_BASE_NAME.*\n[^]*1 rule\n/ : /Of paths/);
    }
    const missing = await saker(["rules", "explain", "Other", path]);
    assert.equal(missing.code, 2);
    assert.match(missing.err, /Cannot find rule "Other"/);
  });

  test("falco_custom_rules.yaml in the current folder is picked up", async () => {
    writeFileSync(
      join(folder, "falco_custom_rules.yaml"),
      "- rule: Mine\n  desc: d\n  condition: evt.type = chdir\n  output: gone\n  priority: DEBUG\n",
    );
    assert.match((await saker(["rules", "list"], { cwd: folder })).out, /^Mine +Debug +yes/m);
    rmSync(join(folder, "falco_custom_rules.yaml"));
  });

  test(
    "without privilege, watch ends with exit code 3 and what to do",
    { skip: !isRoot && "needs root to become another user" },
    async () => {
      const { code, err } = await saker(["watch", "--report", join(folder, "none")], {
        uid: NOBODY,
        env: noDocker,
      });
      assert.equal(code, 3, err);
      assert.match(err, /^saker: error: Cannot .*EPERM|EACCES/m);
      assert.match(err, /^saker: hint: .*root/m);
    },
  );

  test("a port that refuses is an answer with exit code 1; a plain one is told apart", async () => {
    const server = await greeting("SSH-2.0-test\r\n");
    const { port } = server.address() as { port: number };
    const spoken = await saker(["audit", `127.0.0.1:${port}`, "--json"]);
    server.close();
    assert.deepEqual(
      [spoken.code, (JSON.parse(spoken.out) as { speaks: string }).speaks],
      [0, "ssh"],
    );
    const refused = await saker(["audit", `127.0.0.1:${port}`]);
    assert.equal(refused.code, 1);
    assert.match(refused.out, /could not be examined: .*ECONNREFUSED/);
  });

  test(
    "doctor says of each part whether it works",
    { skip: !canWatch && "needs root and a kernel with BTF" },
    async () => {
      const { code, out } = await saker(["doctor", "--json"], { env: noDocker });
      const checks = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { name: string; state: string });
      assert.equal(code, 0, out);
      // A line for each runtime that has left its files on this machine.
      assert.deepEqual(
        [...new Set(checks.map(({ name, state }) => `${name} ${state}`))],
        [
          "kernel ok",
          "privileges ok",
          "probe ok",
          "namespaces ok",
          "containers limited",
          "rules ok",
        ],
      );
    },
  );

  test(
    "watch goes on without Docker and with a report folder on a full disk",
    { skip: !canWatch && "needs root and a kernel with BTF" },
    async () => {
      const rules = join(folder, "chdir.yaml");
      writeFileSync(
        rules,
        "- rule: Changed folder\n  desc: d\n  condition: evt.type = chdir and evt.rawres = 0\n  output: folder %proc.cwd\n  priority: NOTICE\n",
      );
      const config = join(folder, "saker.yaml");
      // /dev/full answers every write as a full disk does.
      writeFileSync(config, "file_output: {enabled: true, filename: /dev/full}\n");
      const watch = startSaker(
        [
          "watch",
          "--rules",
          rules,
          "--config",
          config,
          "--report",
          join(folder, "full"),
          "--no-audit",
        ],
        { env: noDocker },
      );
      await until("the watch to begin", () => watch.err().includes("watching"), {
        seen: watch.err,
      });
      execFileSync("sh", ["-c", "cd /usr && cd /var"]);
      await until("the alert", () => watch.out().includes("folder /usr/"), {
        seen: () => watch.out() + watch.err(),
      });
      const { code } = await watch.stop();
      assert.equal(code, 0);
      assert.match(
        watch.err(),
        /warning: Cannot reach Docker at "unix:\/\/\/nonexistent\/docker.sock"/,
      );
      assert.match(watch.err(), /warning: Cannot write to "\/dev\/full": it is a device/);
      assert.match(
        readFileSync(join(folder, "full", "falco_report.txt"), "utf8"),
        /Notice folder \/var\/ container_id=/m,
      );
    },
  );

  test("observe examines the port of an alert and quotes what is no alert", async () => {
    const server = await greeting("SSH-2.0-test\r\n");
    const { port } = server.address() as { port: number };
    const file = join(folder, "openport.txt");
    const alert = {
      rule: "Port opened",
      priority: "Notice",
      output: "x",
      tags: ["open_port"],
      output_fields: { "container.id": "host", "fd.sport": port },
    };
    writeFileSync(file, `garbage\n${JSON.stringify(alert)}\n${JSON.stringify(alert)}\n`);
    const observe = startSaker(["observe", file, "--report", join(folder, "observed")], {
      env: noDocker,
    });
    const report = join(folder, "observed", "tls", `host_${port}.json`);
    await until("the report", () => existsSync(report), { seen: observe.err });
    await observe.stop();
    server.close();
    assert.equal((JSON.parse(readFileSync(report, "utf8")) as { speaks: string }).speaks, "ssh");
    assert.match(observe.err(), /Cannot read line "garbage" as an alert: it is not JSON/);
    assert.match(observe.err(), /2 alerts, 1 bad lines, 1 ports examined/);
  });

  test("ports lists what listens on this host", async () => {
    const server = await greeting("");
    const { port } = server.address() as { port: number };
    const { code, out } = await saker(["ports", "--json"], { env: noDocker });
    server.close();
    const rows = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { port: number; reachable: string; pid: number });
    assert.equal(code, 0);
    assert.equal(rows.find((row) => row.port === port)?.reachable, "loopback only");
  });
});

function greeting(text: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write(text);
    }).listen({ host: "127.0.0.1", port: 0 }, () => resolve(server));
    server.unref();
  });
}
