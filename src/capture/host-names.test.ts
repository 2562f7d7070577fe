import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../test/fixtures/until.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { HostNames } from "./host-names.ts";

type Answer = readonly string[] | "EAI_AGAIN";

/** Names that are looked up in a table, which may change. */
function lookedUp(t: TestContext, table: Map<string, Answer>, pauseMs = { first: 1, most: 4 }) {
  const asked: string[] = [];
  const problems: string[] = [];
  let [busy, most] = [0, 0];
  const addressesOf = async (name: string): Promise<readonly string[]> => {
    asked.push(name);
    busy += 1;
    most = Math.max(most, busy);
    await sleep(1);
    const answer = table.get(name) ?? "ENOTFOUND";
    busy -= 1;
    if (typeof answer === "string") throw Object.assign(new Error(answer), { code: answer });
    return answer;
  };
  const names = new HostNames({ addressesOf, pauseMs, onProblem: (text) => problems.push(text) });
  t.after(() => names.close());
  return {
    names,
    asked,
    problems,
    mostAtOnce: () => most,
    namesOf: (address: string) => names.namesOf(addressBytes(address) ?? new Uint8Array()),
    asksFor: (name: string, times: number) =>
      until(`${name} to be asked for`, () => asked.filter((one) => one === name).length >= times, {
        seen: () => asked.join(" "),
      }),
  };
}

const NEVER = { first: 1_000_000, most: 1_000_000 };

test("HostNames.namesOf() has the names of each address, IPv4 and IPv6, in alphabetical order", async (t) => {
  const table = new Map([
    ["web", ["10.0.0.1", "10.0.0.2", "2001:db8::1"]],
    ["db", ["10.0.0.2", "10.0.0.2"]],
    ["link", ["fe80::1%eth0"]],
  ]);
  const { names, namesOf, asksFor, mostAtOnce } = lookedUp(t, table);
  assert.deepEqual(namesOf("10.0.0.1"), []);
  names.use(new Set(["web", "db", "link", "nobody"]));
  assert.deepEqual(namesOf("10.0.0.1"), [], "not yet");
  await asksFor("nobody", 2);
  assert.deepEqual(["10.0.0.1", "10.0.0.2", "2001:db8::1", "fe80::1", "10.0.0.3"].map(namesOf), [
    ["web"],
    ["db", "web"],
    ["web"],
    ["link"],
    [],
  ]);
  assert.deepEqual(names.stats(), { names: 4, without: ["nobody"] });
  assert.equal(mostAtOnce(), 1);
});

test("HostNames looks up again: addresses that are gone go, those that nobody can be asked about stay", async (t) => {
  const table = new Map<string, Answer>([
    ["moves", ["10.0.0.1"]],
    ["fails", ["10.0.0.1"]],
    ["ends", ["10.0.0.1"]],
  ]);
  const { names, namesOf, asksFor, asked, problems } = lookedUp(t, table);
  names.use(new Set(table.keys()));
  await asksFor("moves", 2);
  assert.deepEqual(namesOf("10.0.0.1"), ["ends", "fails", "moves"]);
  table.set("moves", ["10.0.0.2"]).set("fails", "EAI_AGAIN").delete("ends");
  const before = asked.filter((name) => name === "moves").length;
  await asksFor("moves", before + 3);
  assert.deepEqual([namesOf("10.0.0.1"), namesOf("10.0.0.2")], [["fails"], ["moves"]]);
  assert.deepEqual([names.stats().without, problems], [["ends"], []]);
});

test("HostNames.use() changes the names at once, and asks for nothing when there are none", async (t) => {
  const { names, namesOf, asksFor, asked } = lookedUp(
    t,
    new Map([
      ["old", ["10.0.0.1"]],
      ["both", ["10.0.0.1"]],
      ["new", ["10.0.0.1"]],
    ]),
    NEVER,
  );
  names.use(new Set());
  assert.deepEqual([asked, names.stats()], [[], { names: 0, without: [] }]);
  names.use(new Set(["old", "both"]));
  await asksFor("both", 1);
  await sleep(10);
  names.use(new Set(["both", "new"]));
  assert.deepEqual(namesOf("10.0.0.1"), ["both"]);
  await asksFor("new", 1);
  await sleep(10);
  assert.deepEqual(namesOf("10.0.0.1"), ["both", "new"]);
  assert.deepEqual(asked, ["old", "both", "both", "new"]);
});

test("HostNames.use() while a name is looked up: its answer counts only if it is still asked for", async (t) => {
  const { names, namesOf, asksFor } = lookedUp(
    t,
    new Map([
      ["old", ["10.0.0.1"]],
      ["new", ["10.0.0.1"]],
    ]),
    NEVER,
  );
  names.use(new Set(["old"]));
  names.use(new Set(["new"]));
  await asksFor("new", 1);
  await sleep(10);
  assert.deepEqual(namesOf("10.0.0.1"), ["new"]);
});

test("HostNames asks for what may be a host alone, and for so many of them", (t) => {
  const { names, problems } = lookedUp(t, new Map(), NEVER);
  names.use(
    new Set([
      "<NA>",
      "",
      "a b",
      "ä.example",
      "a_b.example-1.test",
      "10.0.0.1",
      "::1",
      "x".repeat(254),
    ]),
  );
  assert.deepEqual(names.stats().without, ["a_b.example-1.test", "10.0.0.1", "::1"]);
  names.use(new Set(Array.from({ length: 10_002 }, (_, index) => `n${index}`)));
  assert.equal(names.stats().names, 10_000);
  assert.deepEqual(problems, [
    "Cannot look up all host names of the rules: 2 are left out, 10000 are the most",
  ]);
});

test("HostNames pauses twice as long each time, up to the longest", async (t) => {
  const { names, asksFor, asked } = lookedUp(t, new Map(), { first: 20, most: 80 });
  const start = performance.now();
  names.use(new Set(["a"]));
  await asksFor("a", 5);
  // 20 + 40 + 80 + 80.
  assert.ok(performance.now() - start > 210, String(performance.now() - start));
  names.close();
  await sleep(100);
  assert.equal(asked.length, 5);
});

test("HostNames takes what getaddrinfo(3) says: /etc/hosts and addresses as text", async (t) => {
  const names = new HostNames({ onProblem: assert.fail });
  t.after(() => names.close());
  names.use(new Set(["localhost", "192.0.2.1"]));
  await until("the answers", () => names.stats().without.length === 0);
  assert.deepEqual(names.namesOf(Uint8Array.of(192, 0, 2, 1)), ["192.0.2.1"]);
});
