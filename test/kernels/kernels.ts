import { PROCESSORS, type Processor } from "../../scripts/processors.ts";

/** A processor that kernels are built for, and the qemu that plays it. */
interface Machine extends Processor {
  readonly qemu: string;
  /** Debian's package of that qemu. */
  readonly qemuPackage: string;
  readonly options: readonly string[];
  readonly console: string;
}

/** By Node's names. */
export const MACHINES = {
  x64: {
    ...PROCESSORS.x64,
    qemu: "qemu-system-x86_64",
    qemuPackage: "qemu-system-x86",
    options: ["-cpu", "max,la57=off"],
    console: "ttyS0",
  },
  arm64: {
    ...PROCESSORS.arm64,
    qemu: "qemu-system-aarch64",
    qemuPackage: "qemu-system-arm",
    options: ["-machine", "virt", "-cpu", "cortex-a72"],
    console: "ttyAMA0",
  },
} as const satisfies Readonly<Record<string, Machine>>;

/** A kernel that Saker is to run on. */
export interface Kernel {
  readonly name: string;
  /** Debian's release that has it. */
  readonly suite: string;
  /** The package that always depends on the newest kernel of its kind. */
  readonly package: string;
  readonly machine: keyof typeof MACHINES;
  /** Which build of the probe it must take. */
  readonly variant: "tp_btf" | "raw_tp" | "classic";
  /** Why Saker cannot be right on it yet: it is run when it is named. */
  readonly knownProblem?: string;
  /** Further words of its command line. */
  readonly commandLine?: string;
}

/** To try Saker on another kernel, add a row. */
export const KERNELS: readonly Kernel[] = [
  {
    name: "debian-12-x64",
    suite: "bookworm",
    package: "linux-image-cloud-amd64",
    machine: "x64",
    variant: "tp_btf",
  },
  {
    name: "debian-11-x64",
    suite: "bullseye",
    package: "linux-image-cloud-amd64",
    machine: "x64",
    variant: "raw_tp",
  },
  {
    name: "debian-13-x64",
    suite: "trixie",
    package: "linux-image-cloud-amd64",
    machine: "x64",
    variant: "tp_btf",
  },
  {
    name: "debian-12-arm64",
    suite: "bookworm",
    package: "linux-image-cloud-arm64",
    machine: "arm64",
    variant: "tp_btf",
  },
  {
    name: "debian-13-arm64",
    suite: "trixie",
    package: "linux-image-cloud-arm64",
    machine: "arm64",
    variant: "tp_btf",
  },
  {
    name: "debian-testing-x64",
    suite: "testing",
    package: "linux-image-cloud-amd64",
    machine: "x64",
    variant: "classic",
  },
];
