import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import koffi from "koffi";

// Run as a process of its own: does one thing that no program at hand does. `node act.ts memfd|attach|trace-me`

const syscall = koffi.load(null).func("int64_t syscall(int64_t number, ...)");
const isX64 = process.arch === "x64";
const [MEMFD_CREATE, PTRACE] = isX64 ? [319, 101] : [279, 117];
const [PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_DETACH] = [0, 16, 17];

function ptrace(request: number, pid: number): void {
  syscall(PTRACE, "int64_t", request, "int64_t", pid, "int64_t", 0, "int64_t", 0);
}

switch (process.argv[2]) {
  case "memfd": {
    const fd = Number(syscall(MEMFD_CREATE, "str", "act", "int64_t", 0));
    writeFileSync(fd, readFileSync("/bin/true"));
    spawnSync(`/proc/${process.pid}/fd/${fd}`);
    break;
  }
  case "attach": {
    const pid = Number(process.argv[3]);
    ptrace(PTRACE_ATTACH, pid);
    ptrace(PTRACE_DETACH, pid);
    break;
  }
  case "trace-me":
    ptrace(PTRACE_TRACEME, 0);
    break;
}
