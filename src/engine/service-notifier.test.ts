import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { check, libc } from "../libc/libc.ts";
import { serviceNotifierOf } from "./service-notifier.ts";

/** A service manager's socket, and what has come. */
function managerAt(t: TestContext, name: Uint8Array): () => string[] {
  const fd = check(libc.socket(1, 2 | 0o4000, 0), "make a socket");
  t.after(() => libc.close(fd));
  check(libc.bind(fd, Uint8Array.of(1, 0, ...name), name.length + 2), "bind it");
  return () => {
    const messages: string[] = [];
    const bytes = new Uint8Array(4096);
    for (;;) {
      const length = Number(libc.recv(fd, bytes, bytes.length, 0));
      if (length < 0) return messages;
      messages.push(Buffer.from(bytes.subarray(0, length)).toString());
    }
  };
}

for (const kind of ["path", "abstract name"] as const) {
  test(`ServiceNotifier sends each state to a socket's ${kind}`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), "saker-notify-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "notify");
    const abstract = `saker-test-${process.pid}`;
    const received = managerAt(t, Buffer.from(kind === "path" ? `${path}\0` : `\0${abstract}`));
    const notifier = serviceNotifierOf(
      { NOTIFY_SOCKET: kind === "path" ? path : `@${abstract}`, WATCHDOG_USEC: "3000000" },
      { ownPid: 7, onProblem: (text) => assert.fail(text) },
    );
    notifier?.ready("watching\nREADY=0");
    notifier?.alive();
    notifier?.status("losing");
    notifier?.stopping();
    assert.equal(notifier?.watchdogMs, 3000);
    assert.deepEqual(received(), [
      "READY=1\nSTATUS=watching READY=0",
      "WATCHDOG=1",
      "STATUS=losing",
      "STOPPING=1",
    ]);
  });
}

test("ServiceNotifier says once what it cannot send, and does not wait for who does not read", (t) => {
  const problems: string[] = [];
  const options = { ownPid: 7, onProblem: (text: string) => void problems.push(text) };
  const gone = serviceNotifierOf({ NOTIFY_SOCKET: "/nonexistent/notify" }, options);
  gone?.alive();
  gone?.alive();
  serviceNotifierOf({ NOTIFY_SOCKET: `/${"x".repeat(108)}` }, options)?.alive();
  serviceNotifierOf({ NOTIFY_SOCKET: "vsock:2:1" }, options)?.alive();
  assert.deepEqual(problems, [
    "Cannot notify the service manager: Cannot reach it: ENOENT",
    `Cannot notify the service manager: "/${"x".repeat(108)}" is no socket's name`,
    'Cannot notify the service manager: "vsock:2:1" is no socket\'s name',
  ]);
  const abstract = `saker-deaf-${process.pid}`;
  managerAt(t, Buffer.from(`\0${abstract}`));
  const deaf = serviceNotifierOf({ NOTIFY_SOCKET: `@${abstract}` }, options);
  for (let index = 0; index < 10_000; index += 1) deaf?.alive();
  assert.equal(problems[3], "Cannot notify the service manager: Cannot send to it: EAGAIN");
});

test("serviceNotifierOf() takes a watchdog for its own process alone", () => {
  const options = { ownPid: 7, onProblem: () => {} };
  const at = (more: Readonly<Record<string, string>>) =>
    serviceNotifierOf({ NOTIFY_SOCKET: "/x", ...more }, options)?.watchdogMs;
  assert.equal(at({}), undefined);
  assert.equal(at({ WATCHDOG_USEC: "500000", WATCHDOG_PID: "7" }), 500);
  assert.equal(at({ WATCHDOG_USEC: "500000", WATCHDOG_PID: "8" }), undefined);
  assert.equal(at({ WATCHDOG_USEC: "x" }), undefined);
  assert.equal(serviceNotifierOf({}, options), undefined);
});
