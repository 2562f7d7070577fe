import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { loadConfig } from "../config/config-file.ts";
import { hostNameOf } from "../config/host-name.ts";
import type { Settings } from "../config/settings.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import type { Answer, Destination, Endpoint } from "../outputs/destination.ts";
import { reasonOf } from "../outputs/http-client.ts";
import { openDestinations } from "../outputs/open-outputs.ts";
import { didYouMean } from "../rules/did-you-mean.ts";
import { formatOf } from "./format-of.ts";
import { EXIT } from "./exit.ts";
import { printAside, printJson, printLine } from "./print.ts";
import { printTable } from "./table.ts";

/** The options of `saker outputs`, as they were typed. */
export interface OutputsOptions {
  readonly config?: string;
  readonly override: readonly string[];
  readonly json?: boolean;
}

/**
 * `saker outputs`: which outputs the configuration switches on, where they go, and whether they can
 * be reached now; exit code 1 when one cannot.
 */
export async function listOutputs(options: OutputsOptions): Promise<void> {
  const destinations = destinationsOf(settingsOf(options));
  const rows = [];
  for (const destination of destinations) {
    const problem = await problemOf(destination);
    await destination.close();
    if (problem !== undefined) process.exitCode = EXIT.finding;
    rows.push({ name: destination.name, target: destination.target, problem });
  }
  if (options.json === true)
    for (const { problem, ...row } of rows) printJson({ ...row, problem: problem ?? null });
  else
    printTable(
      ["OUTPUT", "GOES TO", "STATE"],
      rows.map(({ name, target, problem }) => [name, target, problem ?? "ready"]),
    );
}

/**
 * `saker outputs test NAME`: one alert that says that it is a test, to one output, without the queue;
 * prints what the other side made of it. Exit code 1 when it was not delivered. Throws
 * `USAGE_OUTPUT`.
 */
export async function testOutput(name: string, options: OutputsOptions): Promise<void> {
  const destinations = destinationsOf(settingsOf(options));
  const found = destinations.find((destination) => destination.name === name);
  if (found === undefined) {
    const names = destinations.map((destination) => destination.name);
    throw new AppError("USAGE_OUTPUT", `Cannot test output "${name}": it is not switched on`, {
      hint: didYouMean(name, names) ?? `those that are on: ${names.join(", ") || "none"}`,
    });
  }
  const line = found.format(testAlert(name));
  const answer: Answer =
    line === undefined
      ? { delivered: 0, reason: "its minimumpriority or its news leave the test alert out" }
      : await delivered(found, line);
  await found.close();
  if (answer.delivered === 0) process.exitCode = EXIT.finding;
  if (options.json === true) return printJson({ name, target: found.target, ...answer });
  printLine(`${name}: ${found.target}: ${answerText(answer)}`);
}

const TEST_MS = 30_000;

async function delivered(destination: Destination, line: string): Promise<Answer> {
  try {
    return await destination.deliver([line], AbortSignal.timeout(TEST_MS));
  } catch (thrown) {
    return { delivered: 0, reason: messageOf(thrown) };
  }
}

function answerText({ delivered: count, refused = 0, reason = "no reason", said }: Answer): string {
  if (count > 0) return `delivered${said === undefined ? "" : ` (${said})`}`;
  return refused > 0 ? `refused: ${reason}` : `not delivered: ${reason}`;
}

async function problemOf(destination: Destination): Promise<string | undefined> {
  try {
    return (await destination.check?.()) ?? (await unreachable(destination.endpoint));
  } catch (thrown) {
    return messageOf(thrown);
  }
}

const REACH_MS = 5_000;

/** Why no connection comes about; nothing is sent over it. */
async function unreachable(endpoint: Endpoint | undefined): Promise<string | undefined> {
  if (endpoint === undefined) return undefined;
  const signal = AbortSignal.timeout(REACH_MS);
  const socket = connect(endpoint);
  try {
    await once(socket, "connect", { signal });
    return undefined;
  } catch (thrown) {
    return reasonOf(thrown, signal);
  } finally {
    socket.destroy();
  }
}

function testAlert(output: string): News {
  const host = hostNameOf(process.env);
  const time = BigInt(Date.now()) * 1_000_000n;
  const alert = {
    rule: "Saker test",
    priority: "Warning",
    source: "internal",
    tags: ["test"],
    time,
    hostname: host,
    message: `This is a test of ${output}: nothing has happened (saker outputs test)`,
    outputFields: { "saker.test": true },
    uuid: randomUUID(),
  } as const;
  return { kind: "alert", alert, sequence: 1, time, host };
}

function settingsOf({ config, override }: OutputsOptions): Settings {
  const { settings, notes } = loadConfig(config, { environment: process.env, overrides: override });
  for (const note of notes) printAside(note);
  return settings;
}

function destinationsOf(settings: Settings): readonly Destination[] {
  return openDestinations(settings.outputs, {
    format: formatOf(settings),
    json: settings.jsonOutput,
    stdout: { stream: process.stdout },
    environment: process.env,
    onProblem: (text) => printAside(text),
    onNote: (text) => printAside(text),
  });
}
