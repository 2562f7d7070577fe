import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type Expected,
  missingOf,
  probeMissing,
  watchActor,
} from "../../test/fixtures/acting-process.ts";
import { PATIENCE } from "../../test/fixtures/patience.ts";
import type { ActorFacts } from "./_probe-actor.ts";

const ACTOR = fileURLToPath(new URL("./_probe-actor.ts", import.meta.url));
const OLD = process.arch === "x64";

function expectedEvents(f: ActorFacts): readonly (Expected | false)[] {
  const file = `f ${f.dir}/file`;
  return [
    OLD && {
      event: "open",
      params: { name: "by-open", flags: 0x4006, mode: 0o640 },
      directory: f.dir,
    },
    OLD && {
      event: "creat",
      params: { name: "by-creat", mode: 0o751, creat_flags: 0 },
      directory: f.dir,
    },
    OLD && {
      event: "rename",
      params: { res: 0, oldpath: "by-creat", newpath: "by-rename" },
      directory: f.dir,
    },
    OLD && {
      event: "symlink",
      params: { res: 0, target: "target", linkpath: "by-symlink" },
      directory: f.dir,
    },
    OLD && {
      event: "link",
      params: { res: 0, oldpath: "file", newpath: "by-link" },
      directory: f.dir,
    },
    OLD && { event: "mkdir", params: { res: 0, path: "by-mkdir", mode: 0o750 }, directory: f.dir },
    OLD && { event: "rmdir", params: { res: 0, path: "by-mkdir" }, directory: f.dir },
    OLD && { event: "unlink", params: { res: 0, path: "by-link" }, directory: f.dir },
    OLD && { event: "chmod", params: { res: 0, filename: "file", mode: 0o4755 }, directory: f.dir },
    OLD && { event: "chown", params: { res: 0, path: "file", uid: 11, gid: 12 }, directory: f.dir },
    OLD && {
      event: "lchown",
      params: { res: 0, path: "by-symlink", uid: 13, gid: 14 },
      directory: f.dir,
    },
    OLD && { event: "dup2", params: { res: 90, oldfd: f.file, newfd: 90 }, descriptor: file },
    {
      event: "openat",
      params: { fd: -2, dirfd: f.dirfd, name: "../by-openat/none", flags: 0x1003, mode: 0, ino: 0 },
      directory: f.dir,
    },
    { event: "openat", params: { dirfd: -100, name: "/dev/null", flags: 2 } },
    {
      event: "openat2",
      params: { dirfd: f.dirfd, name: "file", flags: 3, resolve: 8 },
      directory: f.dir,
    },
    {
      event: "symlinkat",
      params: { res: 0, target: "target", linkdirfd: f.dirfd, linkpath: "by-symlinkat" },
      directory: f.dir,
    },
    {
      event: "linkat",
      params: {
        res: 0,
        olddir: f.dirfd,
        oldpath: "file",
        newdir: -100,
        newpath: "by-linkat",
        flags: 0x400,
      },
      directory: f.dir,
    },
    {
      event: "renameat",
      params: { res: 0, oldpath: "by-linkat", newpath: "by-renameat" },
      directory: f.dir,
    },
    {
      event: "renameat2",
      params: { res: 0, olddirfd: -100, newdirfd: f.dirfd, newpath: "by-renameat2", flags: 1 },
      directory: f.dir,
    },
    {
      event: "mkdirat",
      params: { res: 0, dirfd: f.dirfd, path: "by-mkdirat", mode: 0o700 },
      directory: f.dir,
    },
    {
      event: "unlinkat",
      params: { res: 0, dirfd: f.dirfd, name: "by-mkdirat", flags: 0x200 },
      directory: f.dir,
    },
    { event: "fchmod", params: { res: 0, fd: f.file, mode: 0o600 }, descriptor: file },
    {
      event: "fchmodat",
      params: { res: 0, dirfd: f.dirfd, filename: "file", mode: 0o644 },
      directory: f.dir,
    },
    { event: "syscall", params: { nativeID: 452 } },
    { event: "fchown", params: { res: 0, fd: f.file, uid: 15, gid: 16 }, descriptor: file },
    {
      event: "fchownat",
      params: { res: 0, dirfd: f.dirfd, pathname: "file", uid: 17, gid: 18, flags: 0x400 },
      directory: f.dir,
    },
    { event: "chdir", params: { res: -2, path: "/nonexistent-dir" } },
    { event: "chdir", params: { res: -2, path: "relative-dir" }, directory: f.dir },
    { event: "fchdir", params: { res: 0, fd: f.dirfd }, descriptor: `d ${f.dir}` },
    { event: "chroot", params: { res: -2, path: "/nonexistent-root" } },
    {
      event: "mount",
      params: { res: -2, dev: "none", dir: "/nonexistent-mount", type: "tmpfs", flags: 0x1000 },
    },
    { event: "umount2", params: { res: -2, name: "/nonexistent-mount", flags: 2 } },
    { event: "dup", params: { res: f.dup, oldfd: f.file }, descriptor: file },
    {
      event: "dup3",
      params: { res: 91, oldfd: f.file, newfd: 91, flags: 0x1000 },
      descriptor: file,
    },
    { event: "fcntl", params: { res: 92, fd: f.file, cmd: 1, arg: 92 }, descriptor: file },
    { event: "fcntl", params: { res: 93, fd: f.file, cmd: 26, arg: 93 }, descriptor: file },
    {
      event: "memfd_create",
      params: { fd: f.memfd, name: "by-memfd", flags: 1 },
      descriptor: "m memfd:by-memfd",
    },
    { event: "kill", params: { res: 0, pid: f.pid, sig: 0 } },
    { event: "tkill", params: { res: 0, tid: f.pid, sig: 0 } },
    { event: "tgkill", params: { res: 0, pid: f.pid, tid: f.pid, sig: 0 } },
    { event: "ptrace", params: { res: -3, request: 20, pid: 2147483, addr: "000000000000000000" } },
    { event: "setns", params: { nstype: 0x80 }, descriptor: "f " },
    { event: "unshare", params: { res: 0, flags: 1 } },
    { event: "bpf", params: { fd: -22, cmd: 0xffff } },
    { event: "init_module", params: { img: ["\x7fELF"], length: 4, uargs: "by=init" } },
    {
      event: "finit_module",
      params: { fd: f.file, uargs: "by=finit", flags: 1 },
      descriptor: file,
    },
    { event: "userfaultfd", params: { flags: 0x1000 } },
    { event: "setsid", params: { res: f.pid } },
    { event: "setpgid", params: { pid: 0, pgid: 0 } },
    ...expectedProcesses(f),
    ...expectedSockets(f),
    ...otherEvents(f),
    {
      event: "setresgid",
      params: { res: 0, rgid: 0xffffffff, egid: 0xffffffff, sgid: 0xffffffff },
    },
    { event: "setregid", params: { res: 0, rgid: 0xffffffff, egid: 0xffffffff } },
    { event: "setgid", params: { res: 0, gid: 0 } },
    {
      event: "setresuid",
      params: { res: 0, ruid: 0xffffffff, euid: 0xffffffff, suid: 0xffffffff },
    },
    { event: "setreuid", params: { res: 0, ruid: 0xffffffff, euid: 65534 } },
    { event: "setuid", params: { res: 0, uid: 65534 } },
  ];
}

function expectedProcesses(f: ActorFacts): readonly Expected[] {
  const shell = {
    tty: 0,
    cwd: f.dir,
    env: ["BY=spawn"],
    ptid: f.pid,
    uid: 0,
    gid: 0,
    filename: "/bin/sh",
    vpgid: f.pid,
  };
  return [
    {
      event: "execve",
      params: {
        res: -2,
        exe: "program",
        args: ["an argument"],
        env: ["BY=execve"],
        cwd: f.dir,
        filename: "./by-execve",
      },
      directory: f.dir,
    },
    {
      event: "execveat",
      params: {
        res: -2,
        exe: "program",
        args: ["an argument"],
        tid: f.pid,
        pid: f.pid,
        ptid: f.ppid,
        cwd: f.dir,
      },
    },
    {
      event: "execve",
      child: true,
      params: {
        ...shell,
        res: 0,
        exe: "/bin/sh",
        args: ["-c", "exit 7", "by spawn"],
        trusted_exepath: realpathSync("/bin/sh"),
      },
    },
    {
      event: "clone",
      child: true,
      params: { res: 0, ptid: f.pid, exe: process.execPath, cwd: f.dir, uid: 0 },
    },
    {
      event: "procexit",
      child: true,
      params: { status: 7 << 8, ret: 7, sig: 0, core: 0, reaper_tid: 0 },
    },
    { event: "procexit", child: true, params: { status: 9, ret: 0, sig: 9, core: 0 } },
  ];
}

function expectedSockets({ v4, v6, named, abstract, ...f }: ActorFacts): readonly Expected[] {
  const none = "0.0.0.0:0";
  const [server, client] = [`127.0.0.1:${v4.port}`, `127.0.0.1:${v4.clientPort}`];
  const [server6, client6] = [`[::1]:${v6.port}`, `[::1]:${v6.clientPort}`];
  return [
    {
      event: "socket",
      params: { fd: v4.server, domain: 2, type: 1, proto: 0, flags: 0x1000 },
      descriptor: `4/7 ${none} ${none}`,
    },
    {
      event: "bind",
      params: { res: 0, addr: "127.0.0.1:0", fd: v4.server },
      descriptor: `4/7 ${server} ${none}`,
    },
    {
      event: "listen",
      params: { res: 0, fd: v4.server, backlog: 7 },
      descriptor: `4/10 ${server} ${none}`,
    },
    {
      event: "connect",
      params: { res: 0, tuple: `${client} ${server}`, fd: v4.client, addr: server },
      descriptor: `4/1 ${client} ${server}`,
    },
    {
      event: "accept4",
      params: {
        fd: v4.accepted,
        tuple: `${client} ${server}`,
        queuepct: 0,
        queuelen: 0,
        queuemax: 7,
        flags: 0x1000,
      },
      descriptor: `4/1 ${server} ${client}`,
    },
    {
      event: "listen",
      params: { res: 0, fd: v6.server, backlog: 7 },
      descriptor: `6/10 ${server6} [::]:0`,
    },
    {
      event: "connect",
      params: { res: 0, tuple: `${client6} ${server6}`, addr: server6 },
      descriptor: `6/1 ${client6} ${server6}`,
    },
    {
      event: "accept",
      params: { fd: v6.accepted, tuple: `${client6} ${server6}`, queuemax: 7 },
      descriptor: `6/1 ${server6} ${client6}`,
    },
    {
      event: "bind",
      params: { res: 0, addr: "by-unix", fd: named.server },
      descriptor: "u/7 by-unix",
    },
    {
      event: "connect",
      params: { res: 0, tuple: "by-unix", addr: "by-unix", fd: named.client },
      descriptor: "u/1 by-unix",
    },
    {
      event: "accept4",
      params: { fd: named.accepted, tuple: "by-unix" },
      descriptor: "u/1 by-unix",
    },
    {
      event: "bind",
      params: { res: 0, addr: "@by-abstract", fd: abstract.server },
      descriptor: "u/7 @by-abstract",
    },
    {
      event: "connect",
      params: { res: 0, tuple: `127.0.0.1:${f.udpPort} 127.0.0.1:9`, fd: f.udp },
    },
    {
      event: "connect",
      params: { res: -111, tuple: undefined, fd: f.refused, addr: "127.0.0.1:1" },
    },
    {
      event: "sendto",
      params: {
        res: 9,
        data: ["by sendto"],
        fd: f.sender,
        size: 9,
        tuple: `0.0.0.0:${f.senderPort} 127.0.0.1:9`,
      },
    },
    {
      event: "sendto",
      params: { res: 9, fd: f.mixed, tuple: `[::]:${f.mixedPort} [::ffff:127.0.0.1]:9` },
    },
    { event: "sendto", params: { res: -22, fd: f.mixed, tuple: undefined } },
    {
      event: "sendmsg",
      params: {
        res: 14,
        data: ["by sendmsgrest"],
        fd: v4.client,
        size: 14,
        tuple: `${client} ${server}`,
      },
    },
    {
      event: "recvfrom",
      params: {
        res: 14,
        data: ["by sendmsgrest"],
        fd: v4.accepted,
        size: 100,
        tuple: `${client} ${server}`,
      },
      descriptor: `4/1 ${server} ${client}`,
    },
    {
      event: "recvfrom",
      params: {
        res: 5,
        data: ["first"],
        fd: f.receiver,
        size: 100,
        tuple: `127.0.0.1:${f.senderPort} 127.0.0.1:${f.receiverPort}`,
      },
    },
    {
      event: "recvmsg",
      params: {
        res: 6,
        size: 64,
        data: ["second"],
        fd: f.receiver,
        msgcontrol: undefined,
        tuple: `127.0.0.1:${f.senderPort} 127.0.0.1:${f.receiverPort}`,
      },
    },
    { event: "inet_sock_set_state", params: { 1: 7, 2: 10 }, descriptor: `4/10 ${server} ${none}` },
    {
      event: "inet_sock_set_state",
      params: { 1: 10, 2: 7 },
      descriptor: `4/7 127.0.0.1:${f.closed} ${none}`,
    },
  ];
}

/** Calls that only rules which name them ask for. */
function otherEvents(f: ActorFacts): readonly (Expected | false)[] {
  const file = `f ${f.dir}/file`;
  const { address: addr, pidfd, gotten, copied, closed, epoll, inotify, eventfd } = f.others;
  return [
    OLD && {
      event: "mknod",
      params: { res: 0, path: "by-mknod", mode: 0o010640, dev: 0 },
      directory: f.dir,
    },
    {
      event: "mknodat",
      params: { res: 0, dirfd: f.dirfd, path: "by-mknodat", mode: 0o010600 },
      directory: f.dir,
    },
    { event: "mmap", params: { res: addr, addr: 0, length: 8192, prot: 3, flags: 10, fd: -1 } },
    { event: "mprotect", params: { res: 0, addr, length: 4096, prot: 1 } },
    { event: "munmap", params: { res: 0, addr, length: 8192 } },
    { event: "mlock", params: { res: 0, addr, len: 4096 } },
    { event: "munlock", params: { res: 0, addr, len: 4096 } },
    { event: "mlock2", params: { res: 0, addr, len: 4096, flags: 1 } },
    { event: "mlockall", params: { res: -22, flags: 0 } },
    { event: "munlockall", params: { res: 0 } },
    { event: "splice", params: { fd_in: f.file, fd_out: f.dirfd, size: 10, flags: 3 } },
    {
      event: "ioctl",
      params: { res: -25, fd: f.file, request: 0x5401, argument: 77 },
      descriptor: file,
    },
    { event: "seccomp", params: { res: -22, op: 99, flags: 7 } },
    { event: "copy_file_range", params: { fdin: f.file, fdout: f.dirfd, len: 9 } },
    { event: "prctl", params: { res: 0, option: 15, arg2_str: "by-prctl", arg2_int: 0 } },
    { event: "prctl", params: { option: 3, arg2_str: undefined, arg2_int: 5 } },
    { event: "capset", params: { res: -14 } },
    { event: "io_uring_setup", params: { entries: 0, flags: 0 } },
    { event: "io_uring_enter", params: { fd: f.file, to_submit: 1, min_complete: 2, flags: 1 } },
    { event: "io_uring_register", params: { fd: f.file, opcode: 5, arg: 0, nr_args: 6 } },
    { event: "pidfd_open", params: { fd: pidfd, pid: f.pid, flags: 0 } },
    { event: "pidfd_getfd", params: { fd: gotten, pid_fd: pidfd, target_fd: f.file } },
    { event: "flock", params: { res: 0, fd: f.file, operation: 2 }, descriptor: file },
    { event: "shutdown", params: { res: -88, fd: f.file, how: 1 }, descriptor: file },
    { event: "epoll_create1", params: { res: epoll, flags: 1 } },
    { event: "inotify_init1", params: { res: inotify, flags: 0x1000 } },
    { event: "eventfd2", params: { res: eventfd, flags: 0x1040, initval: 5 } },
    { event: "delete_module", params: { name: "by-delete", flags: 2 } },
    {
      event: "process_vm_readv",
      params: { res: copied, pid: f.pid, data: ["by process_vm_readv"] },
    },
    { event: "fsconfig", params: { fd: f.file, cmd: 1, key: "by-key", value_charbuf: "by-value" } },
    { event: "open_by_handle_at", params: { mountfd: f.dirfd, flags: 1 } },
    { event: "close", params: { res: 0, fd: closed } },
  ];
}

for (const variant of ["saker", "saker-rawtp", "saker-classic"]) {
  test(
    `${variant} object reports what a process does`,
    { timeout: 60_000 * PATIENCE },
    async (t) => {
      const reason = probeMissing();
      if (reason !== undefined) return t.skip(reason);
      const { facts, events } = await watchActor(t, {
        variant,
        actor: ACTOR,
        read: (text): ActorFacts => JSON.parse(text),
      });
      const missing = missingOf(expectedEvents(facts), events, facts);
      const seen = missing.map((row) =>
        events.filter((event) => event.event === row.event).slice(-8),
      );
      assert.deepEqual(missing, [], `seen of these types: ${JSON.stringify(seen, undefined, 1)}`);
      assert.equal(
        events.filter(
          (event) =>
            event.event === "fcntl" && event.params["cmd"] !== 1 && event.params["cmd"] !== 26,
        ).length,
        0,
      );
      const listens = events.filter(
        ({ event, params }) =>
          event === "listen" && (params["fd"] === facts.v4.server || params["fd"] === -1),
      );
      assert.equal(listens.length, 1, "a listen(2) is one event");
    },
  );
}
