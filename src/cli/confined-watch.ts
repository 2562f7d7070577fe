import { readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ownHostPid } from "../capture/own-process.ts";
import { confine } from "./confinement.ts";
import { ownReportPlaces } from "../config/report-places.ts";
import { nmapOf } from "./nmap.ts";
import { requireReportFolder } from "./writable.ts";
import type { Settings } from "../config/settings.ts";
import { historyFiles } from "./history-files.ts";
import { releaseUnusedMemory } from "./unused-memory.ts";
import { parseSource, settingsOf, type WatchOptions } from "./watch-options.ts";

/**
 * `saker watch`, with no more privileges than it needs: what is behind `confine` runs in a program
 * that has been started anew, where that is of use.
 */
export async function confinedWatch(options: WatchOptions): Promise<void> {
  const source = parseSource(options.source);
  const loaded = settingsOf(options);
  const nmap = nmapOf(options);
  const places = ownReportPlaces(options.report, process.cwd());
  // Who is not root lacks more than a folder in most cases, and is told of that first.
  if (source.kind === "falco" || process.geteuid?.() === 0) requireReportFolder(places.folder);
  if (source.kind === "kernel" && source.by !== "sockets") {
    const { settings } = loaded;
    const report = places.folder;
    const writes = [
      report,
      join(report, "tls"),
      ...storeFiles(settings, report),
      ...filesIn(report),
      ...places.alertFiles,
      ...places.openPortFiles,
      resolve(settings.outputs.file.enabled ? settings.outputs.file.filename : report),
      resolve(settings.metrics?.file ?? report),
      resolve(dirname(settings.capture?.pathPrefix ?? join(report, "x"))),
    ];
    confine({
      ringBytes: settings.ringBytes,
      ownPid: ownHostPid(),
      entersNamespaces: options.audit,
      startsNmap: nmap !== undefined,
      listensAt: [settings.web?.port ?? 0, settings.webserver?.port ?? 0],
      writes,
      environment: process.env,
    });
  }
  // Loaded after that, and so once.
  const { watch } = await import("./watch.ts");
  releaseUnusedMemory();
  await watch(options, { source, loaded, places, nmap });
}

/** Where the store, silences and the page's token lie: in a folder of their own. */
function storeFiles({ store, web }: Settings, report: string): string[] {
  const { storeFile, tokenFile, silenceFolder } = historyFiles(store, report);
  const files = [...(store.enabled ? [storeFile] : []), ...(web === undefined ? [] : [tokenFile])];
  return [silenceFolder, ...files].flatMap((file) => [dirname(file), file]);
}

/** What earlier watches have written. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
}
