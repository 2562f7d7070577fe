import { AppError, messageOf } from "../lib/errors.ts";
import { startHealthServer } from "../web/health-server.ts";
import { Metrics, type MetricsSite } from "../web/metrics.ts";
import type { WebServer } from "../web/listen.ts";
import type { WebserverSettings } from "./messages.ts";
import { pem } from "./serve-page.ts";

/** Serves Falco's webserver. Throws `CONFIG_WEB`. */
export async function serveHealth(
  { certificate, metrics: withMetrics, ...webserver }: WebserverSettings,
  site: MetricsSite,
): Promise<WebServer> {
  const text = certificate === undefined ? undefined : pem(certificate);
  const tls = text === undefined ? undefined : { cert: text, key: text };
  const metrics = withMetrics ? new Metrics(site) : undefined;
  try {
    const server = await startHealthServer({
      ...webserver,
      tls,
      version: site.version,
      metrics: metrics && ((accept) => metrics.answer(accept)),
    });
    return {
      port: server.port,
      close: async () => {
        metrics?.close();
        await server.close();
      },
    };
  } catch (thrown) {
    metrics?.close();
    throw new AppError(
      "CONFIG_WEB",
      `Cannot serve ${webserver.healthzPath} at ${webserver.address}:${webserver.port}: ${messageOf(thrown)}`,
      { hint: "set webserver.listen_port, or webserver.enabled to false" },
    );
  }
}
