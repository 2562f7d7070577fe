import type { OpenPort, PortClosing, PortOpening } from "../ports/port-inventory.ts";
import { PortInventory } from "../ports/port-inventory.ts";

/** Where an alert says that a port is open. */
export interface PortPlace {
  readonly namespace: number;
  readonly port: number;
  readonly container?: string | undefined;
}

/** What became of an alert about a port. */
export type Verdict =
  /** The first alert of its opening: write it, examine the port. */
  | "news"
  /** Another rule told of the same opening: write it, the port is being examined. */
  | "further"
  /** This rule told of this port before, and it has stayed open since. */
  | "known";

/**
 * Decides which alerts about open ports are news. The inventory follows the sockets themselves
 * (from the kernel's notices, or from what really listens); this adds which rules have told of a
 * port since it opened.
 */
export class PortNews {
  readonly inventory = new PortInventory();
  /** Rules that have told of each open port. INVARIANT: the keys are the ports of the inventory. */
  readonly #told = new Map<string, Set<string>>();
  #suppressed = 0;

  /** Alerts left out because their port was known. */
  get suppressed(): number {
    return this.#suppressed;
  }

  opened(opening: PortOpening): void {
    if (this.inventory.opened(opening) === "news") this.#told.set(keyOf(opening), new Set());
  }

  closed(closing: PortClosing): OpenPort | undefined {
    return this.#forget(this.inventory.closed(closing));
  }

  containerGone(container: string): void {
    for (const port of this.inventory.containerGone(container)) this.#forget(port);
  }

  /** For sources that see no closings: forgets what does not listen any more. */
  reconcile(namespace: number, listening: readonly { readonly port: number }[]): void {
    for (const port of this.inventory.reconcile(namespace, listening)) this.#forget(port);
  }

  /** Whether the alert of `rule` about a port is news. */
  judge(rule: string, place: PortPlace): Verdict {
    const told = this.#told.get(keyOf(place));
    // A port that is closed again already: its next opening will be news, too.
    if (told === undefined) return "news";
    if (told.has(rule)) {
      this.#suppressed += 1;
      return "known";
    }
    told.add(rule);
    return told.size === 1 ? "news" : "further";
  }

  #forget(port: OpenPort | undefined): OpenPort | undefined {
    if (port !== undefined) this.#told.delete(keyOf(port));
    return port;
  }
}

function keyOf(place: PortPlace): string {
  return `${place.container ?? "host"} ${place.namespace} ${place.port}`;
}
