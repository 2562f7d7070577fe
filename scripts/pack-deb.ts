// Packs Saker for Debian: packed/saker_VERSION_ARCHITECTURE.deb, of the one file (pack-sea.ts), its unit,
// configuration, manual pages and completions.
// `node scripts/pack-deb.ts [--arch x64|arm64] [--program FILE] [--fast] [FOLDER]`.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { SHELLS } from "../src/cli/completion.ts";
import { sakerCommand } from "../src/cli/program.ts";
import { VERSION } from "../src/cli/version.ts";
import { changelogText } from "./deb-changelog.ts";
import { licences, licencesText } from "./licences.ts";
import { manPages } from "./man-pages.ts";
import { targetOf, tellPacked } from "./packing.ts";
import { processorOf } from "./processors.ts";
import { sourceDate } from "./source-date.ts";

const CHECKOUT = join(import.meta.dirname, "..");
const COMPLETIONS = {
  bash: "usr/share/bash-completion/completions/saker",
  zsh: "usr/share/zsh/vendor-completions/_saker",
  fish: "usr/share/fish/vendor_completions.d/saker.fish",
} as const;

const MAINTAINER = "Saker maintainers <maintainers@users.noreply.r-seed-006bb413.example>";
const CONTROL = `Maintainer: ${MAINTAINER}
Section: admin
Priority: optional
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6
Description: alerts, opened ports and their TLS on a container host
 Saker sees what happens on a host through its own eBPF probe and evaluates
 Falco's rules, unmodified. It notices every port that a container newly
 opens and examines the TLS behind it at once: versions, cipher suites with
 grades, certificates, known weaknesses.
 .
 Its service is neither enabled nor started by the package:
 systemctl enable --now saker
`;
const COPYRIGHT = `Saker. Its licence is Apache-2.0: on Debian, /usr/share/common-licenses/Apache-2.0.

The program holds what others made, under the licences that follow.
`;
// Whoever packs may keep files for themselves; the package's are for all.
process.umask(0o022);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  // A program that is packed already; --fast compresses little, for tests.
  options: {
    arch: { type: "string", default: process.arch },
    program: { type: "string" },
    fast: { type: "boolean" },
  },
});
const target = targetOf(positionals, join(CHECKOUT, "packed"));
const processor = processorOf(values.arch);
const architecture = processor.debian;

const root = mkdtempSync(join(tmpdir(), "saker-deb-"));
try {
  chmodSync(root, 0o755);
  gather();
  control();
  mkdirSync(target, { recursive: true });
  const compression = values.fast === true ? ["-Zgzip", "-z1"] : ["-Zxz"];
  const path = join(target, `saker_${VERSION}_${architecture}.deb`);
  // It takes minutes: what is there under the package's name is whole.
  run("dpkg-deb", "--root-owner-group", ...compression, "--build", root, `${path}.part`);
  renameSync(`${path}.part`, path);
  tellPacked(path, processor);
} finally {
  rmSync(root, { recursive: true, force: true });
}

function gather(): void {
  const program = values.program ?? join(root, "usr/bin/saker");
  if (values.program === undefined)
    run(
      process.execPath,
      join(CHECKOUT, "scripts/pack-sea.ts"),
      `--arch=${processor.name}`,
      program,
    );
  else put("usr/bin/saker", readFileSync(program), 0o755);
  put("usr/lib/systemd/system/saker.service", deployed("systemd/saker.service"));
  put("etc/saker/saker.yaml", deployed("saker.yaml"));
  mkdirSync(join(root, "etc/saker/rules.d"));
  put("etc/logrotate.d/saker", deployed("deb/logrotate"));
  put("usr/share/lintian/overrides/saker", deployed("deb/lintian-overrides"));
  const command = sakerCommand();
  for (const [name, text] of manPages(command))
    put(`usr/share/man/man1/${name}.gz`, gzip(`${text}\n`));
  for (const [shell, path] of Object.entries(COMPLETIONS))
    put(path, SHELLS[shell as keyof typeof COMPLETIONS](command));
  const changes = changelogText(readFileSync(join(CHECKOUT, "CHANGELOG.md"), "utf8"), {
    version: VERSION,
    maintainer: MAINTAINER,
    date: sourceDate(),
  });
  put("usr/share/doc/saker/changelog.gz", gzip(changes));
  put("usr/share/doc/saker/copyright", copyright());
}

function control(): void {
  const files = globSync("**/*", { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
  const size = files.reduce(
    (sum, name) => sum + Math.ceil(statSync(join(root, name)).size / 1024),
    0,
  );
  const digest = (name: string): string =>
    `${createHash("md5")
      .update(readFileSync(join(root, name)))
      .digest("hex")}  ${name}\n`;
  put(
    "DEBIAN/control",
    `Package: saker\nVersion: ${VERSION}\nArchitecture: ${architecture}\nInstalled-Size: ${size}\n${CONTROL}`,
  );
  put(
    "DEBIAN/conffiles",
    files
      .filter((name) => name.startsWith("etc/"))
      .map((name) => `/${name}\n`)
      .join(""),
  );
  put(
    "DEBIAN/md5sums",
    files
      .filter((name) => !name.startsWith("etc/"))
      .map(digest)
      .join(""),
  );
  for (const name of ["postinst", "prerm", "postrm"])
    put(`DEBIAN/${name}`, deployed(`deb/${name}`), 0o755);
}

function copyright(): string {
  return `${COPYRIGHT}\n${licencesText(licences())}`;
}

function deployed(name: string): Buffer {
  return readFileSync(join(CHECKOUT, "deploy", name));
}

function gzip(text: string): Buffer {
  return gzipSync(text, { level: 9 });
}

function put(name: string, contents: string | Uint8Array, mode = 0o644): void {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
  chmodSync(path, mode);
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ["ignore", 2, "inherit"] });
}
