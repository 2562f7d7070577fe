import { join } from "node:path";
import { type Act, type Told } from "./stage.ts";

// What acts are made of.

/** `act.ts`, as an argument of Node. */
export const ACT = join(import.meta.dirname, "act.ts");

/** What a program that `docker` starts in a container has above it. */
export const RUNC = /(containerd-shim|runc|runc:\[\d:\w+\])/;

export const inAct: Told = { container_name: "act", parent: RUNC };
export const inAlone: Told = { container_name: "alone", parent: RUNC };
export const inPod: Told = { container_name: "pod", pod: "kube-system/falcon", parent: RUNC };

/** `docker exec` of one command. */
export function inside(container: string, ...command: string[]): Act["run"] {
  return (stage) => stage.inside(container, ...command);
}

/** Makes a file in the container `act`, folders first; with `dd`, whose name no rule has. */
export function makeFile(path: string): Act["run"] {
  return async (stage) => {
    await stage.inside("act", "/bin/mkdir", "-p", path.replace(/[^/]*$/, ""));
    await stage.inside("act", "/bin/dd", "if=/dev/zero", `of=${path}`, "count=1");
  };
}

/** A bash under the name of another program that runs a command. */
export function as(name: string, command: string): Act["run"] {
  return (stage) => stage.run(stage.as(name), "-c", command);
}

/**
 * Connects from a container by a program whose name no rule has, which stays there: nobody answers.
 */
export function connect(container: string, address: string, port = 80): Act["run"] {
  return (stage) => stage.inside("-d", container, "/bin/busybox", "nc", address, String(port));
}

/** What is told of a connection that was made. */
export function connection(address: string, port: number, proto = "tcp"): Told {
  return {
    connection: new RegExp(String.raw`\d[\d.]*:\d+->${address}:${port}`),
    rport: String(port),
    fd_type: "ipv4",
    fd_proto: proto,
  };
}
