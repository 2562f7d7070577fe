import assert from "node:assert/strict";
import { test } from "node:test";
import { processTree } from "./process-tree.ts";

test("processTree() is the eldest known ancestor first", () => {
  assert.deepEqual(
    processTree({
      "proc.name": "nc",
      "proc.pid": 7,
      "proc.cmdline": "nc -l",
      "proc.pname": "bash",
      "proc.aname[2]": "sshd",
      "proc.aname[3]": "systemd",
      "proc.apid[3]": 1,
    }),
    [
      { name: "systemd", pid: "1" },
      { name: "sshd" },
      { name: "bash" },
      { name: "nc", pid: "7", command: "nc -l" },
    ],
  );
});

test("processTree() leaves out what is not known, and names a process by its command", () => {
  assert.deepEqual(processTree({ "proc.name": "<NA>", "proc.pname": null, "fd.name": "x" }), []);
  assert.deepEqual(processTree({ "proc.exepath": "/bin/x" }), [
    { name: "/bin/x", command: "/bin/x" },
  ]);
});
