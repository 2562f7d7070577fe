import { readFileSync } from "node:fs";
import { AppError, messageOf } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import type { Keeper } from "../store/keeper.ts";
import type { Store } from "../store/store.ts";
import { Access, onceWord } from "../web/access.ts";
import type { WatchDoor } from "../web/handlers.ts";
import { LiveStream } from "../web/live-stream.ts";
import { startServer, type WebServer } from "../web/server.ts";
import type { StoreSettings, WebSettings } from "./messages.ts";
import { pageAddress } from "./page-address.ts";
import { storeHealth } from "./store-health.ts";
import { tokenOf } from "./token-file.ts";

/** What a page shows, and where. */
export interface PageOptions {
  readonly web: WebSettings;
  readonly version: string;
  readonly store: Store;
  readonly settings: StoreSettings;
  readonly keeper: Keeper;
  /** News that did not reach this thread. */
  readonly dropped: () => number;
  /** Keeps news that came by HTTP; false when too many wait. */
  readonly take: (news: News) => boolean;
  readonly watch: WatchDoor;
  readonly now: () => number;
}

/** Serves the page; its address has a word for one login. Throws `CONFIG_WEB`. */
export async function servePage({
  web,
  version,
  store,
  settings,
  keeper,
  dropped,
  take,
  watch,
  now,
}: PageOptions): Promise<{ readonly server: WebServer; readonly page: string }> {
  const { address, hosts, certificate, key, pageFolder } = web;
  const isTls = certificate !== undefined && key !== undefined;
  const token = tokenOf(web.tokenFile);
  const tls = isTls ? { cert: pem(certificate), key: pem(key) } : undefined;
  const server = await startServer({ address, port: web.port, tls, pageFolder }, (port) => ({
    version,
    store,
    storeHealth: () => storeHealth({ store, settings, keeper, dropped }),
    watch,
    access: new Access({ token, address, hosts, port, isTls, now }),
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
  return { server, page: pageAddress(web, server.port, onceWord(token, now())) };
}

function pem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw new AppError("CONFIG_WEB", `Cannot read "${path}": ${messageOf(thrown)}`);
  }
}
