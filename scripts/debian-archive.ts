import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Debian's archive for one release and processor, read by apt with lists of our own: needs no root
 * and changes nothing outside of its folder.
 */
export class DebianArchive {
  readonly #folder: string;
  readonly #options: readonly string[];

  /** Fetches the lists of packages anew. */
  constructor({
    folder,
    suite,
    architecture,
  }: {
    readonly folder: string;
    readonly suite: string;
    readonly architecture: string;
  }) {
    this.#folder = folder;
    for (const name of ["lists/partial", "cache/archives/partial", "packages"])
      mkdirSync(join(folder, name), { recursive: true });
    const source = (path: string, of: string): string =>
      `deb [signed-by=${DEBIAN_KEYRING}] http://deb.debian.org/${path} ${of} main\n`;
    writeFileSync(
      join(folder, "sources.list"),
      source("debian", suite) + source("debian-security", `${suite}-security`),
    );
    writeFileSync(join(folder, "status"), "");
    const settings = {
      "Dir::Etc::sourcelist": join(folder, "sources.list"),
      "Dir::Etc::sourceparts": "/dev/null",
      "Dir::State::Lists": join(folder, "lists"),
      "Dir::State::status": join(folder, "status"),
      "Dir::Cache": join(folder, "cache"),
      "APT::Architecture": architecture,
      "APT::Architectures": architecture,
      "APT::Sandbox::User": "root",
      // Of a release that is looked after no more, too.
      "Acquire::Check-Valid-Until": "false",
      "Acquire::Languages": "none",
    };
    this.#options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    this.#run("apt-get", "update", "-qq");
  }

  /** The packages that this one depends on, those with one of these beginnings. */
  dependenciesOf(name: string, ...beginnings: readonly string[]): string[] {
    const all = this.#run("apt-cache", "depends", name).matchAll(/^ +Depends: (\S+)$/gm);
    return Array.from(all, ([, dependency = ""]) => dependency).filter((dependency) =>
      beginnings.some((beginning) => dependency.startsWith(beginning)),
    );
  }

  /** Downloads packages and puts their files into a folder. */
  unpack(names: readonly string[], into: string): void {
    for (const name of names) {
      for (const old of globSync(join(this.#packages, `${name}_*.deb`))) rmSync(old);
      this.#run("apt-get", "download", "-qq", name);
      for (const file of globSync(join(this.#packages, `${name}_*.deb`)))
        execFileSync("dpkg-deb", ["-x", file, into], { timeout: COMMAND_MS });
    }
  }

  get #packages(): string {
    return join(this.#folder, "packages");
  }

  #run(command: string, ...args: string[]): string {
    return execFileSync(command, [...this.#options, ...args], {
      cwd: this.#packages,
      encoding: "utf8",
      timeout: COMMAND_MS,
      stdio: ["ignore", "pipe", "inherit"],
    });
  }
}

/** Debian's own package debian-archive-keyring, which Ubuntu has, too. */
export const DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const COMMAND_MS = 300_000;
