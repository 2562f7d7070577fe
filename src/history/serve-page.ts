import { readFileSync } from "node:fs";
import { AppError, messageOf } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import type { Keeper } from "../store/keeper.ts";
import type { Store } from "../store/store.ts";
import { Access, onceWord } from "../web/access.ts";
import type { WatchDoor } from "../web/handlers.ts";
import type { WebServer } from "../web/listen.ts";
import { LiveStream } from "../web/live-stream.ts";
import { startServer } from "../web/server.ts";
import type { PageTls, StoreSettings, WebSettings } from "./messages.ts";
import { pageAddress } from "./page-address.ts";
import { certificateNames, ownPagePair, type PagePair } from "./page-certificate.ts";
import { storeHealth } from "./store-health.ts";
import { tokenOf } from "./token-file.ts";

/** What a page shows, and where. */
export interface PageOptions {
  readonly web: WebSettings;
  readonly version: string;
  readonly hostname: string;
  readonly store: Store;
  readonly settings: StoreSettings;
  readonly keeper: Keeper;
  /** News that did not reach this thread. */
  readonly dropped: () => number;
  /** Keeps what came in one request, or none of it: false when too many wait. */
  readonly take: (news: readonly News[]) => boolean;
  readonly watch: WatchDoor;
  readonly now: () => number;
  readonly onProblem: (text: string) => void;
}

/** A page that is served. */
export interface ServedPage {
  readonly server: WebServer;
  /** With a word for one login. */
  readonly page: string;
  /** Of a certificate that Saker signs itself: nobody else vouches for it. */
  readonly fingerprint: string | undefined;
}

/** Serves the page. Throws `CONFIG_WEB`. */
export async function servePage({
  web,
  version,
  hostname,
  store,
  settings,
  keeper,
  dropped,
  take,
  watch,
  now,
  onProblem,
}: PageOptions): Promise<ServedPage> {
  const { address, hosts, pageFolder } = web;
  const token = tokenOf(web.tokenFile);
  const pairNow = (): PagePair | undefined =>
    web.tls && pairOf(web.tls, [hostname, address, ...hosts], now());
  const tls = pairNow();
  const server = await startServer({ address, port: web.port, tls, pageFolder }, (port) => ({
    version,
    store,
    storeHealth: () => storeHealth({ store, settings, keeper, dropped }),
    watch,
    access: new Access({ token, address, hostname, hosts, port, isTls: tls !== undefined, now }),
    stream: new LiveStream(store),
    take,
    now,
  })).catch((thrown: unknown) => {
    throw new AppError(
      "CONFIG_WEB",
      `Cannot serve the page at ${web.address}:${web.port}: ${messageOf(thrown)}`,
      { hint: "set web.port, or leave the page out with --no-web" },
    );
  });
  // Certificates end, and are renewed, while a watch runs.
  setInterval(() => {
    try {
      const pair = pairNow();
      if (pair !== undefined) server.useCertificate(pair);
    } catch (thrown) {
      onProblem(`${messageOf(thrown)}; the page goes on with the certificate that it has`);
    }
  }, DAY_MS).unref();
  const isOwn = web.tls?.kind === "self-signed";
  return {
    server,
    page: pageAddress(web, server.port, onceWord(token, now())),
    fingerprint: isOwn ? tls?.fingerprint : undefined,
  };
}

function pairOf(tls: PageTls, hosts: readonly string[], now: number): PagePair {
  if (tls.kind === "given") return { cert: pem(tls.certificate), key: pem(tls.key) };
  const names = ["localhost", "127.0.0.1", "::1", ...hosts];
  return ownPagePair(tls.file, certificateNames(names), now);
}

const DAY_MS = 86_400_000;

/** A file of certificates or keys. Throws `CONFIG_WEB`. */
export function pem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw new AppError("CONFIG_WEB", `Cannot read "${path}": ${messageOf(thrown)}`);
  }
}
