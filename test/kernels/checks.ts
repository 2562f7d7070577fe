import type { Scene } from "./boot.ts";
import type { Kernel } from "./kernels.ts";

/** Something that a scene of guest/scenes.ts must have shown. */
export interface Check {
  readonly scene: string;
  readonly what: string;
  readonly holds: (seen: Scene) => boolean;
}

/** Which scenes are played on a kernel, and what is expected of them. */
export function checksFor({ variant }: Kernel): readonly Check[] {
  return [
    ...doctorChecks(variant),
    ...watchChecks("watch", variant),
    ...watchChecks("one-file", variant),
    // Where the kernel takes nothing else, there is nothing to force.
    ...(variant === "tp_btf" ? watchChecks("raw-tp", "raw_tp") : []),
    ...socketsChecks(),
    ...eventChecks(variant),
  ];
}

function doctorChecks(variant: string): Check[] {
  const scene = "doctor";
  return [
    { scene, what: "exit code 0", holds: ({ code }) => code === "0" },
    {
      scene,
      what: `the probe loads and attaches (${variant})`,
      holds: ({ out }) =>
        out.some(
          (line) =>
            line.startsWith("ok ") &&
            line.includes(
              `loads and attaches (${variant}${variant === "raw_tp" ? ", without io_uring" : ""})`,
            ),
        ),
    },
  ];
}

function watchChecks(scene: string, variant: string): Check[] {
  return [
    {
      scene,
      what: `watches by eBPF (${variant})`,
      holds: says(`watching this host: eBPF (${variant})`),
    },
    {
      scene,
      what: "port 7000 that listened already",
      holds: hasAlert({ rule: "Port opened on host", "proc.name": "httpd", "fd.sport": 7000 }),
    },
    {
      scene,
      what: "exec of id, by sh, as root",
      holds: hasAlert({
        rule: "Program of the test started",
        "proc.name": "id",
        "proc.exepath": "/bin/busybox",
        "proc.pname": "sh",
        "user.name": "root",
        "container.id": "host",
      }),
    },
    {
      scene,
      what: "open of /etc/shadow by cat",
      holds: hasAlert({
        rule: "Read sensitive file untrusted",
        "proc.name": "cat",
        "fd.name": "/etc/shadow",
      }),
    },
    {
      scene,
      what: "listen of httpd on the host, port 7001",
      holds: hasAlert({
        rule: "Port opened on host",
        "proc.name": "httpd",
        "fd.sport": 7001,
        "container.id": "host",
      }),
    },
    {
      scene,
      what: "listen of httpd in a container, port 7002",
      holds: hasAlert({ "proc.name": "httpd", "fd.sport": 7002, "container.id": "c0ffeec0ffee" }),
    },
    {
      scene,
      what: "both ports examined: HTTP without TLS",
      holds: ({ out }) =>
        [7001, 7002].every((port) =>
          objects(out).some(
            (report) =>
              report["port"] === port && report["tls"] === false && report["speaks"] === "http",
          ),
        ),
    },
    ...(variant === "classic" ? lossChecksOfClassic(scene) : lossChecks(scene)),
    { scene, what: "exit code 0", holds: ({ code }) => code === "0" },
  ];
}

function lossChecks(scene: string): Check[] {
  return [
    { scene, what: "0 dropped", holds: (seen) => droppedOf(seen) === 0 },
    { scene, what: "0 skipped by the kernel", holds: (seen) => skippedOf(seen) === 0 },
  ];
}

/**
 * The kernel leaves these programs out where a task lost its processor within bpf(2), ours or another
 * one's (docs/decisions/0015): on a busy machine some, each of them told.
 */
function lossChecksOfClassic(scene: string): Check[] {
  return [
    {
      scene,
      what: "0 dropped but what the kernel skipped, all of which is told",
      holds: (seen) => {
        const told = /^saker: dropped: (\d+) found the probe at work for another task/m;
        const skips = Number(told.exec(seen.err.join("\n"))?.[1] ?? 0);
        return droppedOf(seen) === skips && skips >= skippedOf(seen);
      },
    },
  ];
}

/** As the summary says; NaN without one. */
function droppedOf({ err }: Scene): number {
  return Number(/^saker: [1-9]\d* events, (\d+) dropped, /m.exec(err.join("\n"))?.[1]);
}

/** As the kernel says, a moment before the end. */
function skippedOf({ out }: Scene): number {
  return Number(/^skipped: (\d+)$/m.exec(out.join("\n"))?.[1]);
}

function socketsChecks(): Check[] {
  const scene = "sockets";
  return [
    {
      scene,
      what: "watches without eBPF",
      holds: says("watching this host: sockets and processes"),
    },
    {
      scene,
      what: "port 7000 that listened already",
      holds: hasAlert({ rule: "Port opened on host", "proc.name": "httpd", "fd.sport": 7000 }),
    },
    {
      scene,
      what: "exec of sleep",
      holds: hasAlert({ rule: "Program of the test started", "proc.name": "sleep" }),
    },
    {
      scene,
      what: "listen of httpd, port 7001",
      holds: hasAlert({ rule: "Port opened on host", "proc.name": "httpd", "fd.sport": 7001 }),
    },
    {
      scene,
      what: "the kernel has loaded tcp_diag for it",
      holds: ({ out }) => out.some((line) => line.startsWith("tcp_diag ")),
    },
    // Such as the kernel's own modprobe (docs/sockets.md).
    {
      scene,
      what: "0 dropped, but for programs that ended at once",
      holds: ({ err }) =>
        !err.some(
          (line) =>
            line.startsWith("saker: dropped: ") &&
            !/: \d+ programs had ended before they could be looked at, 0 lines/.test(line),
        ),
    },
    { scene, what: "exit code 0", holds: ({ code }) => code === "0" },
  ];
}

/** src/capture/probe-events.test.ts and io-uring-events.test.ts inside the guest. */
function eventChecks(variant: string): Check[] {
  // Kernels that take the raw_tp object alone are too old for requests of io_uring, and before 6.4
  // the classic one does not see them.
  const count = { tp_btf: 8, raw_tp: 2, classic: 3 }[variant] ?? 0;
  const what =
    variant === "tp_btf"
      ? "each event of the probe, by system calls and by io_uring, with all objects"
      : `each event of the probe, with the ${variant} object`;
  return [
    {
      scene: "events",
      what,
      holds: ({ out, code }) => code === "0" && out.includes("# fail 0") && passed(out) >= count,
    },
  ];
}

function passed(lines: readonly string[]): number {
  return Number(/^# pass (\d+)$/m.exec(lines.join("\n"))?.[1] ?? 0);
}

function says(words: string): Check["holds"] {
  return ({ err }) => err.some((line) => line.includes(words));
}

function hasAlert({ rule, ...fields }: Readonly<Record<string, unknown>>): Check["holds"] {
  return ({ out }) =>
    objects(out).some(
      (alert) =>
        (rule === undefined || alert["rule"] === rule) &&
        Object.entries(fields).every(([name, value]) => alert.output_fields?.[name] === value),
    );
}

interface Line extends Readonly<Record<string, unknown>> {
  readonly output_fields?: Readonly<Record<string, unknown>>;
}

function objects(lines: readonly string[]): Line[] {
  return lines.flatMap((line) => {
    try {
      return line.startsWith("{") ? [JSON.parse(line) as Line] : [];
    } catch {
      // A line that the console did not show whole.
      return [];
    }
  });
}
