// Builds our image without a registry: deploy/build-image [NAME:TAG], default saker:latest.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gatherImageFiles } from "./image-files.ts";

const [name = "saker:latest"] = process.argv.slice(2);
const context = mkdtempSync(join(tmpdir(), "saker-image-"));
try {
  gatherImageFiles(join(context, "root"));
  const dockerfile = join(import.meta.dirname, "../deploy/Dockerfile");
  const args = ["build", "--network", "none", "--tag", name, "--file", dockerfile, context];
  const { status, error } = spawnSync("docker", args, { stdio: "inherit" });
  if (error !== undefined) console.error(`build-image: error: Cannot run docker: ${error.message}`);
  process.exitCode = status ?? 1;
} finally {
  rmSync(context, { recursive: true, force: true });
}
