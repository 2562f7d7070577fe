import { ownReportPlaces } from "../config/report-places.ts";
import { AppError } from "../lib/errors.ts";
import { historyFiles } from "./history-files.ts";
import { pageTls } from "./page-tls.ts";
import { printAside, printLine } from "./print.ts";
import { type ServeOptions, serveSettings } from "./serve-options.ts";

/**
 * `saker open`: the page's address, with a new word for one login. Only when the server there has
 * the token: who took its port would get the word.
 */
export async function open(options: ServeOptions): Promise<void> {
  const { store, web } = serveSettings(options).settings;
  const { folder } = ownReportPlaces(options.report, process.cwd());
  const { tokenFile } = historyFiles(store, folder);
  const { pageAddress } = await import("../history/page-address.ts");
  const { tokenIn } = await import("../history/token-file.ts");
  const { onceWord } = await import("../web/access.ts");
  const { listenerAt } = await import("../history/page-proof.ts");
  const token = tokenIn(tokenFile);
  if (token === undefined)
    throw new AppError("USAGE_PAGE", `Cannot open the page: there is no token in ${tokenFile}`, {
      hint: "start saker watch or saker serve first, or name its report folder with --report",
    });
  const tls = pageTls(web, tokenFile);
  const page = pageAddress({ ...web, tls }, web.port, onceWord(token, Date.now()));
  const { host } = new URL(page);
  switch (await listenerAt(new URL(page), token)) {
    case "ours":
      break;
    case "other":
      throw new AppError("USAGE_PAGE", `Cannot open the page: what listens at ${host} is another`, {
        hint: `it does not have the token in ${tokenFile}; name the watch's report folder with --report, or give the page another port (web.port)`,
      });
    case "nobody":
      throw new AppError("USAGE_PAGE", `Cannot open the page: nobody listens at ${host}`, {
        hint: "start saker watch or saker serve first, or name its configuration with --config",
      });
  }
  printLine(page);
  if (tls?.kind !== "self-signed") return;
  const { pagePairIn } = await import("../history/page-certificate.ts");
  const fingerprint = pagePairIn(tls.file)?.fingerprint;
  if (fingerprint !== undefined) printAside(`saker: its certificate (SHA-256): ${fingerprint}`);
}
