#!/usr/bin/env node
import { CommanderError } from "commander";
import { hostRootOf } from "../config/host-root.ts";
import { useHostRoot } from "../lib/host-root.ts";
import { fail } from "./exit.ts";
import { sakerCommand } from "./program.ts";
import { watchStandardOutput } from "./standard-output.ts";
import { endSoon } from "./stop.ts";

watchStandardOutput();
void main();

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const program = sakerCommand(await fieldClasses());
  try {
    // Before anything is read of the host: in a container its files are elsewhere.
    useHostRoot(hostRootOf(process.env));
    await program.parseAsync();
  } catch (thrown) {
    // Help and version were asked for and are printed already.
    if (thrown instanceof CommanderError && thrown.exitCode === 0) process.exitCode = 0;
    else fail(thrown, program, words);
    // Whatever was begun before it failed.
    endSoon();
  }
}

/** From the table, where the command line asks for it. */
async function fieldClasses(): Promise<readonly string[]> {
  if (!process.argv.includes("fields")) return [];
  const { ALL_FIELDS } = await import("../fields/registry.ts");
  return [...new Set(ALL_FIELDS.map((field) => field.class))];
}
