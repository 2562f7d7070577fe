// The script that Node runs in a one-file program.
import { runEmbedded } from "../../src/shipped/run-embedded.ts";

runEmbedded("cli/main");
