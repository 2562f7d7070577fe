import { isIP } from "node:net";
import type { HttpPlace } from "../capture/http-lines.ts";
import { type LoadedConfig, loadConfig } from "../config/config-file.ts";
import { AppError } from "../lib/errors.ts";
import { parseRingSize } from "./size.ts";

/** The options of `saker watch`, as they were typed. */
export interface WatchOptions {
  readonly source: string;
  readonly rules: readonly string[];
  readonly config?: string;
  /** `key=value` over the configuration. */
  readonly override?: readonly string[];
  readonly buffer?: string;
  /** Falco's: as `base_syscalls.all`. */
  readonly allEvents?: boolean;
  /** Undefined: where `ownReportPlaces` says. */
  readonly report?: string;
  readonly hostPorts?: boolean;
  readonly audit: boolean;
  readonly scanner?: "saker" | "nmap";
  readonly json?: boolean;
  readonly withAudits?: boolean;
  readonly stats?: boolean;
  /** Off: `store.enabled`, `web.enabled`. */
  readonly store: boolean;
  readonly web: boolean;
  readonly duration?: string;
}

/**
 * What the configuration and the options say that stand for a part of it. Throws `CONFIG_…`,
 * `USAGE_SIZE`.
 */
export function settingsOf(options: WatchOptions): LoadedConfig {
  const { config, override, buffer, allEvents } = options;
  const loaded = loadConfig(config, {
    environment: process.env,
    overrides: override,
    rules: options.rules,
  });
  const { replayFile } = loaded.settings;
  if (replayFile !== undefined)
    throw new AppError(
      "CONFIG_REPLAY",
      `Cannot watch this host: engine.kind is "replay", of capture "${replayFile}"`,
      { hint: `saker replay ${replayFile}, or saker falco with this configuration` },
    );
  const { ringBytes, store, web, webserver, baseSyscalls } = loaded.settings;
  return {
    ...loaded,
    settings: {
      ...loaded.settings,
      ringBytes: buffer === undefined ? ringBytes : parseRingSize(buffer),
      baseSyscalls: { ...baseSyscalls, all: baseSyscalls.all || allEvents === true },
      store: { ...store, enabled: store.enabled && options.store },
      web: options.web ? web : undefined,
      webserver: options.web ? webserver : undefined,
    },
  };
}

/** Where `saker watch` has events or alerts from. */
export type Source =
  | { readonly kind: "kernel"; readonly by: "auto" | "ebpf" | "sockets" }
  | { readonly kind: "falco"; readonly file: string }
  /** By HTTP, at an address of this host. */
  | { readonly kind: "falco"; readonly http: HttpPlace };

/** Throws `USAGE_SOURCE`. */
export function parseSource(text: string): Source {
  if (text === "auto" || text === "ebpf" || text === "sockets") return { kind: "kernel", by: text };
  if (text === "falco:http") return { kind: "falco", http: { address: "127.0.0.1", port: 2801 } };
  if (text.startsWith("falco:http://")) return { kind: "falco", http: httpPlace(text) };
  if (text.startsWith("falco:") && text.length > "falco:".length)
    return { kind: "falco", file: text.slice("falco:".length) };
  if (text.startsWith("scap:"))
    throw new AppError(
      "USAGE_SOURCE",
      `Cannot watch source "${text}": a capture file is over, not to be watched`,
      { hint: `saker replay ${text.slice("scap:".length) || "FILE"}` },
    );
  throw new AppError("USAGE_SOURCE", `Cannot watch source "${text}": there is no such source`, {
    hint: "sources are auto, ebpf, sockets, falco:FILE, falco:- (standard input) and falco:http; saker replay reads capture files",
  });
}

/** `falco:http://ADDRESS:PORT`. Throws `USAGE_SOURCE`. */
function httpPlace(text: string): HttpPlace {
  const found = /^falco:http:\/\/(?:\[([\da-f:.]+)\]|([\d.]+)):(\d{1,5})\/?$/i.exec(text);
  const address = found?.[1] ?? found?.[2] ?? "";
  const port = Number(found?.[3]);
  if (isIP(address) > 0 && port <= 65_535) return { address, port };
  throw new AppError(
    "USAGE_SOURCE",
    `Cannot watch source "${text}": it is no address of this host`,
    {
      hint: "write falco:http for 127.0.0.1:2801, or falco:http://ADDRESS:PORT with an IP address",
    },
  );
}
