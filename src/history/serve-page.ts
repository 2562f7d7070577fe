import { readFileSync } from "node:fs";
import type { Server as Listener } from "node:net";
import { AppError, messageOf } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import type { Keeper } from "../store/keeper.ts";
import type { Store } from "../store/store.ts";
import { Access, onceWord } from "../web/access.ts";
import type { WatchDoor } from "../web/handlers.ts";
import { awaitFirstGuest } from "../web/first-guest.ts";
import type { WebServer } from "../web/listen.ts";
import { LiveStream } from "../web/live-stream.ts";
import { Metrics } from "../web/metrics.ts";
import type { PageServer } from "../web/server.ts";
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
export async function servePage(options: PageOptions): Promise<ServedPage> {
  const { web, hostname, now, onProblem } = options;
  const place = { address: web.address, port: web.port };
  const token = tokenOf(web.tokenFile);
  const pairNow = (): PagePair | undefined =>
    web.tls && pairOf(web.tls, [hostname, web.address, ...web.hosts], now());
  const tls = pairNow();
  const { site, end } = siteOf(options);
  let server: PageServer | undefined;
  const begin = async (listener?: Listener): Promise<PageServer> => {
    const { startServer } = await import("../web/server.ts");
    const access = { ...place, token, hostname, hosts: web.hosts, isTls: tls !== undefined, now };
    return (server = await startServer(
      { ...place, listener, tls, pageFolder: web.pageFolder },
      (port) => ({ ...site, access: new Access({ ...access, port }) }),
    ));
  };
  const cannot = (thrown: unknown): string =>
    `Cannot serve the page at ${web.address}:${web.port}: ${messageOf(thrown)}`;
  // A certificate that does not do is to be told now.
  const listening = tls
    ? begin()
    : awaitFirstGuest(place, begin, (thrown) => onProblem(cannot(thrown)));
  const { port, close } = await listening.catch((thrown: unknown) => {
    end();
    const hint = "set web.port, or leave the page out with --no-web";
    throw new AppError("CONFIG_WEB", cannot(thrown), { hint });
  });
  // Certificates end, and are renewed, while a watch runs.
  setInterval(() => {
    try {
      const pair = pairNow();
      if (pair !== undefined) server?.useCertificate(pair);
    } catch (thrown) {
      onProblem(`${messageOf(thrown)}; the page goes on with the certificate that it has`);
    }
  }, DAY_MS).unref();
  return {
    server: {
      port,
      close: () => {
        end();
        return close();
      },
    },
    page: pageAddress(web, port, onceWord(token, now())),
    fingerprint: web.tls?.kind === "self-signed" ? tls?.fingerprint : undefined,
  };
}

/** What is served, but for who may ask; it follows what is kept until `end`. */
function siteOf({ version, store, settings, keeper, dropped, watch, take, now }: PageOptions) {
  const stream = new LiveStream(store);
  const health = () => storeHealth({ store, settings, keeper, dropped });
  const metrics = new Metrics({ version, store, storeHealth: health, watch, stream });
  return {
    site: { version, store, storeHealth: health, watch, stream, metrics, take, now },
    end: (): void => {
      stream.close();
      metrics.close();
    },
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
