import { release } from "node:os";
import { join } from "node:path";
import { LOSS_REASONS } from "../capture/losses.ts";
import { hostNameOf } from "../config/host-name.ts";
import type { Settings } from "../config/settings.ts";
import type { Watch, WatchStats } from "../engine/watch-options.ts";
import type { History } from "../history/history.ts";
import { messageOf } from "../lib/errors.ts";
import type { Output } from "../outputs/output.ts";
import type { ReportFolder } from "../outputs/report-folder.ts";
import { PROGRAM } from "../shipped/shipped-files.ts";
import type { SilenceBook } from "../store/silence-book.ts";
import type { WatchDoor } from "../web/handlers.ts";
import type { WatchHealth } from "../web/schemas/health.ts";
import { historyFiles } from "./history-files.ts";
import type { LiveRules } from "./live-rules.ts";
import { pageTls } from "./page-tls.ts";
import { ruleDetail, ruleSummary } from "./rule-detail.ts";
import type { Terminal } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** The watch around the history, as far as the page shows it. */
export interface AroundHistory {
  readonly terminal: Terminal;
  readonly rules: LiveRules | undefined;
  readonly reports: ReportFolder;
  readonly silences: SilenceBook;
  /** Undefined until it runs. */
  readonly running: () => Watch | undefined;
  readonly outputs: () => readonly Output[];
}

/**
 * What keeps the news, and the page that shows them, as the settings say; undefined when both are
 * off. Says where the page is. Throws `CONFIG_WEB` for a page that must not be served so.
 */
export async function openHistory(
  settings: Settings,
  around: AroundHistory,
): Promise<History | undefined> {
  const { store, web, webserver } = settings;
  if (!store.enabled && web === undefined && webserver === undefined) return undefined;
  const { storeFile, tokenFile } = historyFiles(store, around.reports.path);
  const { terminal } = around;
  const { History } = await import("../history/history.ts");
  const history = new History({
    version: VERSION,
    hostname: hostNameOf(process.env),
    store: {
      path: store.enabled ? storeFile : undefined,
      url: store.enabled ? store.url : undefined,
      durability: store.durability,
      days: store.days,
      megabytes: store.megabytes,
    },
    web: web && {
      address: web.address,
      port: web.port,
      hosts: web.hosts,
      tls: pageTls(web, tokenFile),
      tokenFile,
      pageFolder: PAGE_FOLDER,
    },
    webserver,
    watch: doorOf(around, Date.now()),
    onSilenced: (id, count) => around.silences.count(id, count),
    onNote: (text) => terminal.note(text),
    onProblem: (text) => terminal.problem(text),
  });
  around.silences.follow((silences) => history.useSilences(silences));
  void sayPage(history, terminal);
  return history;
}

/** The watch does not wait for it. */
async function sayPage(history: History, terminal: Terminal): Promise<void> {
  await history.ready;
  const { page, fingerprint } = history;
  if (page === undefined) return;
  terminal.note(`page: ${page}`);
  if (fingerprint !== undefined) terminal.note(`its certificate (SHA-256): ${fingerprint}`);
}

function doorOf(
  { rules, silences, running, outputs }: AroundHistory,
  startedAt: number,
): WatchDoor {
  const loaded = () => rules?.loaded.rules ?? [];
  return {
    health: async () => {
      const stats = running()?.stats();
      return {
        version: VERSION,
        hostname: hostNameOf(process.env),
        kernel: release(),
        startedAt,
        source: sourceText(stats),
        rules: loaded().length,
        events: eventsOf(stats),
        ports: stats?.ports
          ? {
              open: stats.ports.openPorts,
              examined: stats.ports.examined,
              notExamined: stats.ports.notExamined,
            }
          : null,
        published: stats?.news.published ?? 0,
        silenced: stats?.news.silenced ?? 0,
        outputs: outputs().map((output) => outputHealth(output)),
      };
    },
    rules: async () => loaded().map(ruleSummary),
    rule: async (name) => {
      const found = loaded().find((rule) => rule.name === name);
      return found && ruleDetail(found);
    },
    examine: async ({ protocol, address, port, namespace, containerId }) => {
      const watch = running();
      if (watch === undefined) return "the watch is still starting";
      const place = { protocol, address, port, namespace };
      return watch.examine({ ...place, containerId: containerId ?? undefined }) ?? "";
    },
    silences: async () => silences.list(),
    silence: (request) =>
      silences.add(request).catch((thrown: unknown) => ({ obstacle: messageOf(thrown) })),
    endSilence: (id) => silences.end(id),
  };
}

function sourceText(stats: WatchStats | undefined): string {
  if (stats === undefined) return "none";
  if (stats.falco !== undefined) return "falco";
  return stats.live === undefined ? "none" : stats.live.variant;
}

function eventsOf(stats: WatchStats | undefined): WatchHealth["events"] {
  if (stats?.live === undefined) return null;
  const { seen, filtered, sent, dropped } = stats.live.probe;
  const lost = LOSS_REASONS.filter((reason) => dropped[reason] > 0);
  return {
    seen,
    keptInKernel: filtered,
    sent,
    dropped: Object.fromEntries(lost.map((reason) => [reason, dropped[reason]])),
  };
}

function outputHealth(output: Output): WatchHealth["outputs"][number] {
  const { name, target } = output;
  const { delivered, digested, waiting, refused, dropped } = output.counts();
  const told = { name, target, delivered, digested, waiting };
  return { ...told, refused: { ...refused }, dropped: { ...dropped } };
}

/** The built page. */
const PAGE_FOLDER = join(PROGRAM, "dist/ui");
