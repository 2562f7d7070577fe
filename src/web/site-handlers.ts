import { filterOf } from "./alert-handlers.ts";
import { json, Refusal } from "./answer.ts";
import type { Handlers } from "./handlers.ts";
import type { Health } from "./schemas/health.ts";
import type { RuleList } from "./schemas/rule.ts";

/** Handlers of rules, health, the stream and sessions. */
export const SITE_HANDLERS = {
  rules: async (_asked, { watch }) => {
    const list: RuleList = { rules: [...(await watch.rules())] };
    return json(list);
  },
  rule: async ({ parameters }, { watch }) => {
    const rule = await watch.rule(parameters["name"] ?? "");
    if (rule === undefined) throw new Refusal(404, "There is no such rule");
    return json(rule);
  },
  health: async (_asked, { watch, storeHealth, stream }) => {
    const health: Health = {
      watch: (await watch.health()) ?? null,
      store: await storeHealth(),
      readers: stream.readers,
    };
    return json(health);
  },
  stream: async ({ query, request, response }, { stream }) => {
    if (stream.isFull) throw new Refusal(503, "Too many read the stream already");
    const after = Number(request.headers["last-event-id"]);
    await stream.open(response, {
      filter: filterOf(query),
      after: Number.isSafeInteger(after) && after > 0 ? after : undefined,
    });
    return undefined;
  },
  login: ({ body }, { access, version }) => ({
    ...json({ isLoggedIn: true, version }),
    headers: { "content-type": "application/json", "set-cookie": access.logIn(body.token) },
  }),
  logout: (_asked, { access, version }) => ({
    ...json({ isLoggedIn: false, version }),
    headers: { "content-type": "application/json", "set-cookie": access.logOut() },
  }),
  session: ({ request }, { access, version }) =>
    json({ isLoggedIn: access.isLoggedIn(request), version }),
  proof: ({ query }, { access }) => json({ proof: access.prove(query.question) }),
} satisfies Handlers<
  "rules" | "rule" | "health" | "stream" | "login" | "logout" | "session" | "proof"
>;
