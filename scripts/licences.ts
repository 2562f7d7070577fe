import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const CHECKOUT = join(import.meta.dirname, "..");
/** Bundled into the page, so they are no packages that run. */
const PAGE_PACKAGES = ["preact", "@preact/signals", "@preact/signals-core", "uplot"];

/** A part of the one-file program that others made, with its licence's text. */
export interface Licensed {
  readonly name: string;
  readonly licence: string;
  readonly text: string;
}

/** Node, the packages that run, and those of the page. Throws where Node's licence is not beside it. */
export function licences(): readonly Licensed[] {
  return [nodeLicence(), ...[...runningPackages(), ...PAGE_PACKAGES].map(packageLicence)];
}

/** Names of the packages that run in production, as far as they are for this machine. */
export function runningPackages(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(CHECKOUT, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  return (
    Object.entries(lock.packages)
      .filter(([path, { dev }]) => path !== "" && dev !== true && existsSync(join(CHECKOUT, path)))
      .map(([path]) => path.replace("node_modules/", ""))
      // koffi's native part for this machine, under koffi's licence: the package may be for another one.
      .filter((name) => !name.startsWith("@koromix/koffi-"))
  );
}

/** As a text that goes along with what others made. */
export function licencesText(parts: readonly Licensed[]): string {
  return parts
    .map(({ name, licence, text }) => `${"-".repeat(72)}\n${name} (${licence})\n\n${text.trim()}\n`)
    .join("\n");
}

/** What a package in node_modules states; no text where it has none. */
export function packageLicence(name: string): Licensed {
  const folder = join(CHECKOUT, "node_modules", name);
  const { license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly license: string;
  };
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8");
  return { name, licence: license, text };
}

/** Beside the program, or where a package of a distribution has it. */
function nodeLicence(): Licensed {
  const prefix = dirname(dirname(process.execPath));
  const places = ["LICENSE", "share/doc/node/LICENSE", "share/doc/nodejs/copyright"];
  const path = places.map((place) => join(prefix, place)).find((one) => existsSync(one));
  if (path === undefined) throw new Error(`Cannot find Node's licence below "${prefix}"`);
  return { name: "Node.js", licence: "MIT and others", text: readFileSync(path, "utf8") };
}
