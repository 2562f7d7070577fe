import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { scene as sceneOf } from "../../test/fixtures/scenes.ts";
import { event, type ParamValues, type RecordValues } from "../../test/fixtures/records.ts";
import type { Container } from "../containers/container.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import type { Process } from "../state/process.ts";
import { CurrentScene } from "../state/current-scene.ts";
import { NOBODY, ProcessTable } from "../state/process-table.ts";
import { parseAccounts } from "../state/accounts.ts";
import { ALL_FIELDS, FIELDS } from "./registry.ts";

const accounts = parseAccounts(
  "root:x:0:0::/root:/bin/bash\nwww:x:33:33::/var/www:/bin/false\n",
  "root:x:0:\nwww:x:33:\n",
);

function scene(
  name: string,
  params: ParamValues,
  values: RecordValues = {},
  container?: Container,
): CurrentScene {
  const processes = new ProcessTable({ capacity: 10, find: () => undefined });
  const own = {
    ...NOBODY,
    ppid: 2,
    exepath: "/bin/sh",
    args: ["-c", "id"],
    comm: "sh",
    exe: "sh",
    cwd: "/srv/",
    startBoot: 5_000_000_000,
  };
  processes.set({ ...NOBODY, pid: 1, comm: "init" });
  processes.set({ ...NOBODY, pid: 2, ppid: 1, comm: "sshd" });
  processes.set({ ...own, pid: 100, uid: 33, gid: 33 });
  const shown = event(name, params, {
    ...values,
    context: { ppid: 2, uid: 33, gid: 33, ...values.context },
  });
  return new CurrentScene({ processes, hostname: "test", utcOffsetMinutes: () => 60 }).show(
    shown,
    processes.apply(shown),
    container,
    accounts,
  );
}

function value(on: CurrentScene, name: string, argument?: string): unknown {
  return FIELDS.get(name)?.bind?.(argument)?.(on);
}

test("fields of a file that is opened", () => {
  const open = scene(
    "openat",
    { fd: 3, dirfd: -100, name: "data/x", flags: 6, mode: 0o755 },
    { directory: "/srv", timestamp: 1_700_000_000_123_456_789n },
  );
  const expected = {
    "fd.name": "/srv/data/x",
    "fd.directory": "/srv/data",
    "fd.filename": "x",
    "fd.num": 3,
    "fd.typechar": "f",
    "fd.l4proto": "<NA>",
    "evt.type": "openat",
    "evt.res": "SUCCESS",
    "evt.is_open_write": true,
    "evt.is_open_read": false,
    "evt.is_open_exec": true,
    "evt.time": "23:13:20.123456789",
    "proc.cmdline": "sh -c id",
    "proc.pname": "sshd",
    "user.name": "www",
    "user.loginuid": -1,
    "container.id": "host",
    "container.name": "host",
    "fs.path.name": "/srv/data/x",
  };
  for (const [name, wanted] of Object.entries(expected))
    assert.deepEqual(value(open, name), wanted, name);
  assert.equal(value(open, "evt.arg", "flags"), "O_CREAT|O_WRONLY");
  assert.equal(value(open, "evt.arg", "dirfd"), "AT_FDCWD");
  assert.equal(
    value(open, "evt.args"),
    "fd=3(<f>/srv/data/x) dirfd=-100(AT_FDCWD) name=data/x(/srv/data/x) flags=6(O_CREAT|O_WRONLY) mode=0755 dev=<NA> ino=<NA>",
  );
  assert.equal(value(open, "proc.aname", "2"), "init");
  assert.deepEqual(FIELDS.get("proc.aname")?.bindAll?.(undefined)?.(open), ["sshd", "init"]);
});

test("fields of an open that failed", () => {
  const open = scene("openat", { fd: -2, dirfd: -100, name: "/nope", flags: 1 });
  assert.deepEqual(
    [
      value(open, "fd.num"),
      value(open, "evt.res"),
      value(open, "evt.failed"),
      value(open, "fd.name"),
    ],
    [-1, "ENOENT", true, "/nope"],
  );
});

test("fields of a port that is opened in a container", () => {
  const local = { address: addressBytes("0.0.0.0") ?? new Uint8Array(4), port: 8443 };
  const descriptor = {
    kind: "4",
    family: 2,
    protocol: 6,
    state: 10,
    local,
    remote: { address: new Uint8Array(4), port: 0 },
  };
  const container: Container = {
    fullId: "c".repeat(64),
    id: "cccccccccccc",
    runtime: "docker",
    metadata: undefined,
    state: "pending",
  };
  const listen = scene("listen", { res: 0, fd: 3, backlog: 128 }, { descriptor }, container);
  assert.deepEqual(
    [
      value(listen, "fd.sport"),
      value(listen, "fd.sip"),
      value(listen, "fd.cip"),
      value(listen, "fd.lport"),
    ],
    [8443, local.address, undefined, undefined],
  );
  assert.deepEqual(
    [value(listen, "fd.name"), value(listen, "fd.l4proto"), value(listen, "fd.is_server")],
    ["0.0.0.0:8443", "tcp", true],
  );
  assert.deepEqual(
    [value(listen, "container.id"), value(listen, "container.name")],
    ["cccccccccccc", undefined],
  );
  assert.equal(value(listen, "evt.arg", "fd"), "<4t>0.0.0.0:8443");
});

test("no field throws or hangs on any event, with or without parameters", () => {
  for (const name of [
    "execve",
    "listen",
    "openat",
    "procexit",
    "ptrace",
    "mount",
    "dup2",
    "setuid",
    "unlinkat",
  ]) {
    for (const field of ALL_FIELDS) {
      for (const argument of [undefined, "0", "1", "name", "/etc*"]) {
        field.bind?.(argument)?.(scene(name, {}));
        field.bindAll?.(argument)?.(scene(name, {}));
      }
    }
  }
});

const reference = new URL("../../../shared/reference/", import.meta.url);

interface ReferenceField {
  readonly name: string;
  readonly type: string;
  readonly arg: "none" | "allowed" | "required";
  readonly is_list: boolean;
  readonly deprecated: boolean;
  readonly filter_only: boolean;
  readonly print_only: boolean;
  readonly no_rhs: boolean;
  readonly no_transformer: boolean;
  readonly suggested_output: boolean;
}

test(
  "FIELDS declares every field of the syscall source, with the real engine's type, argument and limits",
  { skip: !existsSync(reference) && "needs ../shared/reference" },
  () => {
    const known = JSON.parse(readFileSync(new URL("fields.json", reference), "utf8")) as {
      fields: ReferenceField[];
    };
    const described = known.fields.map(({ name }) => {
      const field = FIELDS.get(name);
      const arg =
        field?.argument === undefined ? "none" : field.argument.required ? "required" : "allowed";
      const marks = [
        field?.list,
        field?.deprecated,
        field?.filterOnly,
        field?.printOnly,
        field?.noRightSide,
        field?.noTransformer,
        field?.suggested,
      ].map((mark) => mark === true);
      return [name, field?.type, arg, ...marks];
    });
    const wanted = known.fields.map((field) => [
      field.name,
      field.type,
      field.arg,
      field.is_list,
      field.deprecated,
      field.filter_only,
      field.print_only,
      field.no_rhs,
      field.no_transformer,
      field.suggested_output,
    ]);
    assert.deepEqual(described, wanted);
  },
);

test("FIELDS has a few words for every field, and no name twice", () => {
  assert.deepEqual(
    ALL_FIELDS.filter(({ doc }) => doc.length < 5 || doc.endsWith(".")),
    [],
  );
  assert.equal(new Set(ALL_FIELDS.map(({ name }) => name)).size, ALL_FIELDS.length);
});

test("fields of ancestors: environment, login shell, all names", () => {
  const chain = [
    { pid: 1, comm: "init", env: ["HOME=/", "LANG=C"] },
    { pid: 2, ppid: 1, comm: "bash", env: ["HOME=/root"] },
    { pid: 3, ppid: 2, comm: "dash" },
    { pid: 4, ppid: 3, comm: "cat", exe: "cat" },
  ];
  const shown = sceneOf("chdir", { res: 0, path: "/" }, { chain });
  assert.deepEqual(
    [
      value(shown, "proc.loginshellid"),
      value(shown, "proc.aenv", "HOME"),
      value(shown, "proc.aenv", "LANG"),
      value(shown, "proc.aenv", "2"),
      value(shown, "proc.aenv", "NONE"),
      value(shown, "proc.apid"),
      value(shown, "proc.exeline"),
    ],
    [2, "/root", "C", "HOME=/root", "", 4, "cat "],
  );
  assert.deepEqual(FIELDS.get("proc.aname")?.bindAll?.(undefined)?.(shown), [
    "dash",
    "bash",
    "init",
  ]);
});

test("fields of calls with two paths, of reads and of errors", () => {
  const linked = sceneOf(
    "symlinkat",
    { res: 0, target: "a", linkdirfd: -100, linkpath: "b" },
    { process: { cwd: "/srv/" } },
  );
  assert.deepEqual(
    [
      value(linked, "evt.abspath", "src"),
      value(linked, "evt.abspath", "dst"),
      value(linked, "evt.abspath", "up"),
    ],
    // Of a symbolic link the link alone, as Falco has it.
    ["/srv/b", "/srv/b", undefined],
  );
  const read = sceneOf("read", { res: -5, fd: 3 }, { descriptor: { kind: "f", path: "/x" } });
  assert.deepEqual(
    [
      "evt.io_dir",
      "evt.count.error",
      "evt.count.error.file",
      "evt.count.error.net",
      "evt.count.exit",
      "evt.asynctype",
    ].map((name) => value(read, name)),
    ["read", 1, 1, 0, 1, undefined],
  );
});

test("what plugins and the engine tell has names of its own", () => {
  const asked = ["evt.type", "evt.is_async", "evt.asynctype", "evt.source", "syscall.type"];
  const valuesOf = (name: string, values: Readonly<Record<string, string | number>>) =>
    asked.map((field) => value(sceneOf(name, values), field));
  assert.deepEqual(valuesOf("asyncevent", { plugin_id: 0, name: "container", data: "{}" }), [
    "container",
    true,
    "container",
    "syscall",
    undefined,
  ]);
  assert.deepEqual(valuesOf("asyncevent", { plugin_id: 7, name: "sample", data: "" }), [
    "sample",
    true,
    "sample",
    undefined,
    undefined,
  ]);
  assert.deepEqual(valuesOf("useradded", { uid: 1, gid: 1, name: "a" }), [
    "useradded",
    true,
    "useradded",
    "syscall",
    undefined,
  ]);
  assert.deepEqual(valuesOf("setuid", { res: 0, uid: 1 }), [
    "setuid",
    false,
    undefined,
    "syscall",
    "setuid",
  ]);
});

test("fields that say what Falco says where there is nothing", () => {
  const host = sceneOf("openat", { fd: 3, dirfd: -100, name: "/x", flags: 1, mode: 0 });
  const on = (names: readonly string[]) => names.map((name) => value(host, name));
  assert.deepEqual(
    on(["container.type", "container.image", "container.image.repository", "container.mounts"]),
    ["host", "", "", ""],
  );
  assert.deepEqual(on(["container.privileged", "container.ip", "container.full_id"]), [
    false,
    undefined,
    undefined,
  ]);
  const unset = sceneOf("chdir", { res: 0, path: "/" }, { process: { loginuid: 0xffff_ffff } });
  assert.deepEqual([value(unset, "user.loginuid"), value(unset, "user.loginname")], [-1, "<NA>"]);
  const packet = sceneOf("socket", { fd: 3 }, { descriptor: { kind: "?", family: 17 } });
  assert.deepEqual([value(packet, "fd.type"), value(packet, "fd.typechar")], ["other", "o"]);
});

test("ancestors end with the first process: the idle task is none", () => {
  const chain = [
    { pid: 0, comm: "" },
    { pid: 1, ppid: 0, comm: "init" },
    { pid: 9, ppid: 1, comm: "sh" },
  ];
  const shown = sceneOf("chdir", { res: 0, path: "/" }, { chain });
  assert.deepEqual(
    ["0", "1", "2", "3"].map((up) => value(shown, "proc.aname", up)),
    ["sh", "init", undefined, undefined],
  );
});

test("whose file a program is, and whether it bears its name", () => {
  const told = (process: Partial<Process>, host = 10, second: Partial<Process> = {}): unknown[] => {
    const chain = [
      { pid: 1, programMountNamespace: host },
      { pid: 2, ...second },
      { pid: 5, ppid: 1, ...process },
    ];
    const shown = sceneOf("close", { res: 0, fd: 3 }, { chain });
    return ["saker.proc.is_from_container", "saker.proc.has_own_name"].map((name) =>
      value(shown, name),
    );
  };
  const cat = { comm: "cat", exepath: "/usr/bin/cat" };
  assert.deepEqual(told({ ...cat, programMountNamespace: 20 }), [true, true]);
  assert.deepEqual(told({ ...cat, programMountNamespace: 10 }), [false, true]);
  assert.deepEqual(told({ ...cat, comm: "sshd" }), [undefined, false]);
  assert.deepEqual(told({ ...cat, programMountNamespace: 20 }, 0), [undefined, true]);
  // Where init lets nobody look, the kernel's own thread tells; not a program that is the second.
  const kernel = { ppid: 0, comm: "kthreadd", exepath: "", programMountNamespace: 10 };
  assert.deepEqual(told({ ...cat, programMountNamespace: 20 }, 0, kernel), [true, true]);
  assert.deepEqual(told({ ...cat, programMountNamespace: 10 }, 0, kernel), [false, true]);
  const fake = { ...kernel, ppid: 1, exepath: "/bin/x" };
  assert.deepEqual(told({ ...cat, programMountNamespace: 20 }, 0, fake), [undefined, true]);
  assert.deepEqual(told({ comm: "systemd-userwor", exepath: "/lib/systemd-userwork" }), [
    undefined,
    true,
  ]);
});
