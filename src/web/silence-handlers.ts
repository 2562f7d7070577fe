import { json, Refusal } from "./answer.ts";
import type { Handlers } from "./handlers.ts";
import type { SilenceList } from "./schemas/silence.ts";

/** Handlers of silences: the watch has them. */
export const SILENCE_HANDLERS = {
  silences: async (_asked, { watch }) => {
    const silences = await watch.silences();
    if (silences === undefined) throw new Refusal(503, "The watch does not answer");
    const list: SilenceList = { silences: [...silences] };
    return json(list);
  },
  silence: async ({ body }, { watch }) => {
    const { seconds, ...rest } = body;
    const answer = await watch.silence({ ...rest, ms: seconds * 1000 });
    if (answer === undefined) throw new Refusal(503, "The watch does not answer");
    if ("obstacle" in answer) throw new Refusal(409, "It is not silenced", answer.obstacle);
    return { ...json(answer), status: 201 };
  },
  endSilence: async ({ parameters }, { watch }) => {
    const isEnded = await watch.endSilence(parameters["id"] ?? "");
    if (isEnded === undefined) throw new Refusal(503, "The watch does not answer");
    if (!isEnded) throw new Refusal(404, "There is no such silence");
    return { status: 204 };
  },
} satisfies Handlers<"silences" | "silence" | "endSilence">;
