// Bundles ui/ into dist/ui: index.html, and assets whose names carry their hash, each with its
// brotli and gzip twin. A folder of its own until all is there: who serves the page meanwhile sees
// the old or the new one.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const CHECKOUT = join(import.meta.dirname, "..");
const DIST = join(CHECKOUT, "dist");

mkdirSync(DIST, { recursive: true });
const made = mkdtempSync(join(DIST, "ui-"));
try {
  const { metafile } = await build({
    entryPoints: [join(CHECKOUT, "ui/main.tsx")],
    outdir: join(made, "assets"),
    entryNames: "[name]-[hash]",
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2023",
    jsx: "automatic",
    jsxImportSource: "preact",
    metafile: true,
    logLevel: "warning",
  });
  const asset = (ending: string): string => {
    const path = Object.keys(metafile.outputs).find((name) => name.endsWith(ending));
    if (path === undefined) throw new Error(`Cannot build the page: no ${ending} came out`);
    return `/assets/${basename(path)}`;
  };
  const html = readFileSync(join(CHECKOUT, "ui/index.html"), "utf8");
  writeFileSync(
    join(made, "index.html"),
    html.replace("STYLE", asset(".css")).replace("SCRIPT", asset(".js")),
  );
  for (const name of ["index.html", ...readdirSync(join(made, "assets")).map((n) => `assets/${n}`)])
    compress(join(made, name));
  chmodSync(made, 0o755);
  const place = join(DIST, "ui");
  if (existsSync(place)) renameSync(place, join(made, "before"));
  renameSync(made, place);
  rmSync(join(place, "before"), { recursive: true, force: true });
} finally {
  rmSync(made, { recursive: true, force: true });
}

function compress(path: string): void {
  const bytes = readFileSync(path);
  writeFileSync(`${path}.br`, brotliCompressSync(bytes));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}
