import { type LoadedConfig, loadConfig } from "../config/config-file.ts";
import type { Settings, WebSettings } from "../config/settings.ts";
import { DEFAULT_SETTINGS } from "../config/settings.ts";

/** The options of `saker serve` and `saker open`, as they were typed. */
export interface ServeOptions {
  readonly config?: string;
  readonly override?: readonly string[];
  readonly report?: string;
}

/** What the configuration says; of `web.enabled` nothing, for the page is what is asked for. */
export function serveSettings({
  config,
  override,
}: ServeOptions): LoadedConfig & { readonly settings: Settings & { readonly web: WebSettings } } {
  const loaded = loadConfig(config, { environment: process.env, overrides: override });
  const web = loaded.settings.web ?? DEFAULT_SETTINGS.web;
  if (web === undefined) throw new Error("the page is on by default");
  return { ...loaded, settings: { ...loaded.settings, web } };
}
