import { readlinkSync } from "node:fs";
import { hostPath } from "../lib/host-root.ts";

/** This process's id as the host calls it: in a container, that of the host's /proc. */
export function ownHostPid(): number {
  try {
    return Number(readlinkSync(hostPath("/proc/self")));
  } catch {
    return process.pid;
  }
}
