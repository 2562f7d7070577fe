import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { AppError, messageOf } from "../lib/errors.ts";
import type { Keeper } from "../store/keeper.ts";
import type { Store } from "../store/store.ts";
import { Access, onceWord } from "../web/access.ts";
import type { WatchDoor } from "../web/handlers.ts";
import { LiveStream } from "../web/live-stream.ts";
import { startServer, type WebServer } from "../web/server.ts";
import type { StoreSettings, WebSettings } from "./messages.ts";
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
    access: new Access({ token, hosts, port, isTls, now }),
    stream: new LiveStream(store),
    take: (news) => keeper.take(news),
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

/** `http://127.0.0.1:2803/login?once=…` */
export function pageAddress(
  { address, certificate }: Pick<WebSettings, "address" | "certificate">,
  port: number,
  word: string,
): string {
  const isAny = address === "0.0.0.0" || address === "::";
  const host = isAny ? "127.0.0.1" : isIPv6(address) ? `[${address}]` : address;
  const scheme = certificate === undefined ? "http" : "https";
  return `${scheme}://${host}:${port}/login?once=${word}`;
}

function pem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw new AppError("CONFIG_WEB", `Cannot read "${path}": ${messageOf(thrown)}`);
  }
}
