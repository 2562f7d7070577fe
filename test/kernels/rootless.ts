// Boots a Debian under qemu in which a user without rights runs a container by Podman, on control
// groups v2, while Saker watches: `sh scripts/node24 test/kernels/rootless.ts`, as root. Exit code
// 1 when its first alert lacks id, name, image or user; 2 when a program is missing.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Boot, boot } from "./boot.ts";
import { buildImage } from "./image.ts";
import { KERNELS } from "./kernels.ts";

const CACHE = join(import.meta.dirname, "../../.tools/kernels");
const GUEST = join(import.meta.dirname, "guest/rootless");
const [KERNEL] = KERNELS.filter(({ name }) => name === "debian-12-x64");
const DEBOOTSTRAP = "/usr/sbin/debootstrap";
const SERVICE = "saker-scene.service";
/** A qemu that has little of a processor finds that its timer does not tick in time. */
const COMMAND_LINE = `no_timer_check mitigations=off systemd.show_status=0 systemd.unit=${SERVICE}`;
const PACKAGES =
  "podman,crun,netavark,uidmap,busybox-static,systemd-sysv,libpam-systemd,dbus,dbus-user-session";
/** Two minutes where nothing else runs. */
const LIMIT_SECONDS = 1500;

if (KERNEL === undefined || process.getuid?.() !== 0 || !existsSync(DEBOOTSTRAP)) {
  console.error("Cannot run: needs root, qemu-system-x86 and debootstrap");
  process.exit(2);
}
const kernel = { ...KERNEL, name: "rootless", commandLine: COMMAND_LINE };
const log = join(CACHE, kernel.name, "console.log");
const image = buildImage(kernel, CACHE, addDebian);
console.log(`— Podman without root: Linux ${image.release}`);
const { scenes, tail } = await boot(kernel, image, { scenes: [], seconds: LIMIT_SECONDS, log });
process.exitCode = isSeen(scenes.get("rootless")) ? 0 : 1;
if (process.exitCode !== 0) console.log(`the last lines of its console (${log}):\n${tail}`);

function isSeen(scene: ReturnType<Boot["scenes"]["get"]>): boolean {
  const lines = scene?.out ?? [];
  const told = (what: string): string =>
    lines.find((line) => line.startsWith(`${what}: `))?.slice(what.length + 2) ?? "";
  const alert = lines.find((line) => line.startsWith("{")) ?? "{}";
  const { output = "nothing" } = JSON.parse(alert) as { output?: string };
  const wanted = `${told("id").slice(0, 12)} shop localhost/saker/box:1 localhost/saker/box`;
  const isThere = told("id") !== "" && output.includes(`SEEN ${wanted} END`);
  console.log(`control group: ${told("place")}\nwanted: ${wanted}\nfirst alert: ${output}`);
  console.log(isThere ? "ok" : `BAD\n${scene?.err.join("\n") ?? "it did not run"}`);
  return isThere;
}

/** Below `debian`, from where `guest/rootless/init` makes it the system. */
function addDebian(root: string): void {
  const debian = join(root, "debian");
  execFileSync("cp", ["-a", debianRoot(), debian]);
  copyFileSync(join(GUEST, "init"), join(root, "init"));
  mkdirSync(join(root, "mnt"));
  copyFileSync(join(GUEST, SERVICE), join(debian, "etc/systemd/system", SERVICE));
  cpSync(join(root, "lib/modules"), join(debian, "lib/modules"), { recursive: true });
  // His services, and so his control group, are there without a login.
  mkdirSync(join(debian, "var/lib/systemd/linger"), { recursive: true });
  writeFileSync(join(debian, "var/lib/systemd/linger/ann"), "");
}

/** Made once: what has no use in there left out, since all of it lies in memory. */
function debianRoot(): string {
  const root = join(CACHE, "rootless-debian");
  if (existsSync(root)) return root;
  const fresh = `${root}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const options = ["--variant=minbase", `--include=${PACKAGES}`];
  execFileSync(DEBOOTSTRAP, [...options, "bookworm", fresh], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  execFileSync("/usr/sbin/chroot", [fresh, "useradd", "--create-home", "ann"], {
    stdio: "inherit",
  });
  for (const unused of ["usr/share/doc", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists"])
    rmSync(join(fresh, unused), { recursive: true, force: true });
  execFileSync("find", [join(fresh, "dev"), "-mindepth", "1", "-delete"]);
  renameSync(fresh, root);
  return root;
}
