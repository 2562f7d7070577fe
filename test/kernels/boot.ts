import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import type { Image } from "./image.ts";
import { type Kernel, MACHINES } from "./kernels.ts";

/** What one scene of guest/scenes.ts said. */
export interface Scene {
  readonly out: string[];
  readonly err: string[];
  /** Saker's exit code; undefined when it did not come to that. */
  code?: string;
}

export interface Boot {
  readonly scenes: ReadonlyMap<string, Scene>;
  /** The last lines of the console, for when nothing came. */
  readonly tail: string;
}

/** What is run in there, how long at most, and the file that keeps the console. */
interface BootOptions {
  /** The program, from the checkout; by default guest/scenes.ts. */
  readonly main?: string;
  readonly scenes: readonly string[];
  readonly seconds: number;
  readonly log: string;
  /** One processor, on which an instruction takes a nanosecond; much slower. */
  readonly countsInstructions?: boolean;
}

/**
 * Boots the image and hears its console until the machine ends, or is ended after `seconds`.
 */
export async function boot(
  kernel: Kernel,
  image: Image,
  { main, scenes, seconds, log, countsInstructions = false }: BootOptions,
): Promise<Boot> {
  const { qemu, options, console } = MACHINES[kernel.machine];
  const commandLine = [
    `console=${console}`,
    "panic=-1",
    "quiet",
    "loglevel=1",
    kernel.commandLine ?? "",
    `SAKER_SCENES=${scenes.join(",")}`,
    `SAKER_VARIANT=${kernel.variant}`,
    ...(main === undefined ? [] : [`SAKER_MAIN=${main}`]),
  ].join(" ");
  const machine = [
    ...options,
    ...(countsInstructions
      ? ["-accel", "tcg,thread=single", "-icount", "shift=0", "-smp", "1"]
      : ["-accel", "tcg,thread=multi", "-smp", "2"]),
    "-m",
    "2048",
    "-nic",
    "none",
    "-nographic",
    "-monitor",
    "none",
    "-no-reboot",
  ];
  // timeout(1) ends qemu even when this process is gone, and hands it the signal that ends it
  // earlier.
  const child = spawn(
    "timeout",
    [
      "--kill-after=10",
      String(seconds),
      qemu,
      ...machine,
      "-kernel",
      image.kernel,
      "-initrd",
      image.initramfs,
      "-append",
      commandLine,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const end = (): void => void child.kill("SIGTERM");
  process.once("exit", end);
  let text = "";
  const file = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      file.write(chunk);
    });
  }
  await new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
  process.removeListener("exit", end);
  file.end();
  return { scenes: scenesOf(text), tail: text.trimEnd().split("\n").slice(-15).join("\n") };
}

/** Lines are `[scene] out|err|code text`, whatever else the console has. */
function scenesOf(text: string): Map<string, Scene> {
  const scenes = new Map<string, Scene>();
  for (const [, name = "", what, line = ""] of text.matchAll(
    /^\[([\w-]+)\] (out|err|code) (.*?)\r*$/gm,
  )) {
    const scene = scenes.get(name) ?? { out: [], err: [] };
    scenes.set(name, scene);
    if (what === "out" || what === "err") scene[what].push(line);
    else scene.code = line;
  }
  return scenes;
}
