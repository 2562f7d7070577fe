import { setTimeout as sleep } from "node:timers/promises";
import type { Container } from "../containers/container.ts";
import { exposureOf, exposureText } from "../ports/exposure.ts";

/**
 * Docker tells the host's ports of a container when it has started it, some tens of milliseconds
 * after its first process runs.
 */
const PATIENCE_MS = 500;
const STEP_MS = 20;

/**
 * From where a port can be reached, in words. Waits a moment for a container that its runtime is
 * still starting.
 */
export async function reachability(
  {
    container,
    onHostNetwork,
  }: { readonly container: Container | undefined; readonly onHostNetwork: boolean },
  port: { readonly addresses: readonly string[]; readonly port: number },
): Promise<string> {
  for (let waited = 0; container?.metadata?.pid === 0 && waited < PATIENCE_MS; waited += STEP_MS)
    await sleep(STEP_MS);
  return exposureText(exposureOf(port, { onHostNetwork, metadata: container?.metadata }));
}
