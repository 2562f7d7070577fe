import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { hostPath } from "../lib/host-root.ts";
import { watchFolders } from "./folder-watch.ts";
import { metadataOf } from "./metadata.ts";
import type { KnownContainer, RuntimeFiles } from "./runtime.ts";
import { isPathName, readStateFile } from "./state-file.ts";

/**
 * What systemd-machined keeps of the containers that systemd-nspawn and libvirt run: a file each
 * below `folder` (a path of the host, /run/systemd/machines). Virtual machines are left out.
 */
export function machineFiles(folder: string): RuntimeFiles {
  const inspect = async ({ id }: { readonly id: string }): Promise<KnownContainer | undefined> =>
    isPathName(id) ? read(join(folder, id), id) : undefined;
  const list = async (): Promise<readonly string[]> => {
    const names = (await readdir(hostPath(folder)).catch(() => [])).filter(isMachine);
    const found = await Promise.all(names.map((id) => inspect({ id })));
    return found.flatMap((machine) => machine?.fullId ?? []);
  };
  return {
    name: `systemd's machines in ${folder}`,
    kinds: ["systemd-nspawn", "libvirt-lxc"],
    isThere: async () => (await list()).length > 0,
    list,
    inspect,
    watch: (listener, signal) =>
      watchFolders(
        {
          folders: () => Promise.resolve([folder]),
          list,
          namesOf: (entry) => (isMachine(entry) ? entry : undefined),
        },
        listener,
        signal,
      ),
  };
}

/** Links `unit:…` stand beside the machines. */
function isMachine(entry: string): boolean {
  return isPathName(entry) && !entry.includes(":");
}

async function read(path: string, fullId: string): Promise<KnownContainer | undefined> {
  const file = await readStateFile(hostPath(path), { limit: FILE_BYTES });
  const values = new Map(
    (file?.text ?? "").split("\n").map((line): [string, string] => {
      const equals = line.indexOf("=");
      return [line.slice(0, equals), line.slice(equals + 1).replace(/^"(.*)"$/, "$1")];
    }),
  );
  if (values.get("CLASS") !== "container") return undefined;
  const unit = values.get("SCOPE") ?? values.get("UNIT") ?? "";
  const microseconds = values.get("REALTIME") ?? "";
  const startedAt = /^\d{1,19}$/.test(microseconds) ? BigInt(microseconds) * 1000n : 0n;
  return {
    fullId,
    runtime: values.get("SERVICE") === "libvirt-lxc" ? "libvirt-lxc" : "systemd-nspawn",
    running: true,
    metadata: metadataOf({
      name: fullId,
      pid: Number(values.get("LEADER") ?? 0) || 0,
      createdAt: startedAt,
      startedAt,
    }),
    places: isPathName(unit) ? [`/machine.slice/${unit}`] : [],
    isComplete: true,
  };
}

const FILE_BYTES = 64 * 1024;
