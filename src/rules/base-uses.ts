import type { Place } from "../lib/errors.ts";
import type { Diagnostic } from "./diagnostic.ts";

/**
 * Which files use names that stand in the base alone: macros and lists of Falco's own rules, which
 * Falco knows only when its stable file is loaded before.
 */
export class BaseUses {
  readonly #uses = new Map<string, { readonly names: Set<string>; readonly place: Place }>();
  readonly #base: string;

  /** `base`: the name of the base's own text, whose uses do not count. */
  constructor(base: string) {
    this.#base = base;
  }

  add(name: string, place: Place | undefined): void {
    if (place === undefined || place.source === this.#base) return;
    const known = this.#uses.get(place.source);
    if (known === undefined) this.#uses.set(place.source, { names: new Set([name]), place });
    else known.names.add(name);
  }

  /** One warning for each file, at its first use. */
  *warnings(): Generator<Diagnostic> {
    for (const { names, place } of this.#uses.values())
      yield {
        code: "LOAD_BASE_NAME",
        message: `Falco defines these names in its own rules file alone: ${[...names].toSorted().join(", ")}`,
        hint: "Saker knows them without that file; for Falco load its falco_rules.yaml before this one",
        place,
        itemType: "rules content",
      };
  }
}
