import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { Alert } from "../alerts/alert.ts";
import { DEFAULT_SETTINGS, type RepeatSettings } from "../config/settings.ts";
import { type AlertFacts, RepeatedAlerts, REPEATS, UNKNOWN_PORT } from "./repeated-alerts.ts";

const SECOND = 1_000_000_000n;

function repeated(t: TestContext, settings: Partial<RepeatSettings> = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const published: Alert[] = [];
  const alerts = new RepeatedAlerts({
    settings: { ...DEFAULT_SETTINGS.repeats, max: 3, containerMax: 10, ...settings },
    publish: (alert) => void published.push(alert),
  });
  let [number, time] = [0, 1000n * SECOND];
  const alert = (facts: Partial<AlertFacts> = {}): void => {
    number += 1;
    const message = `${facts.rule ?? "A"} ${number}`;
    alerts.alert(
      { rule: "A", container: "c1", values: [], port: undefined, ...facts },
      time,
      () =>
        ({
          rule: facts.rule ?? "A",
          message,
          time,
          outputFields: { x: number },
        }) as unknown as Alert,
    );
  };
  return {
    alerts,
    published,
    alert,
    /** Ten seconds are over. */
    pass: (intervals = 1) => {
      for (let done = 0; done < intervals; done += 1) {
        t.mock.timers.tick(10_000);
        time += 10n * SECOND;
      }
    },
    take: (): string[] => published.splice(0).map(({ message }) => message),
    times: (count: number, facts?: (index: number) => Partial<AlertFacts>) => {
      for (let index = 0; index < count; index += 1) alert(facts?.(index));
    },
  };
}

describe("RepeatedAlerts", () => {
  test("publishes all within the limit as they are", (t) => {
    const { times, pass, take, alerts } = repeated(t);
    for (let interval = 0; interval < 20; interval += 1) {
      times(3);
      pass();
    }
    assert.equal(take().length, 60);
    assert.deepEqual(alerts.stats(), { repeats: 0, lines: 0 });
  });

  test("counts what is beyond it, says so at the interval's end, and then publishes the first alone", (t) => {
    const { times, pass, take, published, alerts } = repeated(t, { containerMax: 0 });
    times(8);
    assert.deepEqual(take(), ["A 1", "A 2", "A 3"]);
    pass();
    assert.deepEqual(published[0]?.outputFields, { x: 4, [REPEATS]: 5 });
    assert.deepEqual(take(), ["A 4 (seen 5 more times in 10 s)"]);
    times(2);
    pass();
    assert.deepEqual(take(), ["A 9", "A 10 (seen 1 more time in 10 s)"]);
    assert.deepEqual(alerts.stats(), { repeats: 6, lines: 2 });
  });

  test("publishes as before when it was quiet for a minute", (t) => {
    const { times, pass, take } = repeated(t);
    times(4);
    for (let interval = 0; interval < 6; interval += 1) {
      pass();
      times(1);
    }
    pass();
    take();
    times(3);
    assert.equal(take().length, 3);
  });

  test("tells alerts of other values, rules and containers apart", (t) => {
    const { times, take } = repeated(t, { containerMax: 0 });
    times(3, () => ({ values: ["/bin/a"] }));
    times(3, () => ({ values: ["/bin/b"] }));
    times(3, () => ({ values: [undefined] }));
    times(3, () => ({ rule: "B" }));
    times(3, () => ({ container: "c2", values: ["c2"] }));
    assert.equal(take().length, 15);
  });

  test("counts a container's alerts together that differ, by rule; another one is not touched", (t) => {
    const { times, pass, take } = repeated(t);
    times(100, (index) => ({ values: [`/tmp/${index}`] }));
    // Within the limit ten, the first of its rule beyond it, and the first of each other rule.
    times(2, () => ({ rule: "B" }));
    times(3, () => ({ container: "c2" }));
    assert.equal(take().length, 10 + 1 + 1 + 3);
    pass();
    assert.deepEqual(take(), [
      "A 12 (seen 89 more times in 10 s, counted for the whole container)",
      "B 102 (seen 1 more time in 10 s, counted for the whole container)",
    ]);
  });

  test("says of the host that it is the host, and of what names no container so", (t) => {
    for (const [container, whole] of [
      ["host", "the whole host"],
      [undefined, "all that names no container"],
    ] as const) {
      const { times, take, alerts } = repeated(t, { max: 0 });
      times(13, () => ({ container }));
      alerts.close();
      assert.match(
        take().at(-1) ?? "",
        new RegExp(`seen 2 more times .* counted for ${whole}\\)$`),
      );
      t.mock.timers.reset();
    }
  });

  test("publishes every port's first opening, in a flood of openings, too", (t) => {
    const { times, pass, take } = repeated(t);
    const ports = (index: number) => ({ port: `tcp 0.0.0.0 ${index % 500}` });
    times(10, ports);
    times(500, ports);
    assert.equal(take().length, 510);
    times(500, ports);
    assert.deepEqual(take(), []);
    pass();
    assert.match(take()[0] ?? "", /seen 500 more times in 10 s, counted for the whole container/);
    times(1, () => ({ port: "tcp 0.0.0.0 900" }));
    times(30, () => ({ port: UNKNOWN_PORT }));
    assert.equal(take().length, 31);
  });

  test("goes by the alerts' own time where that is ahead, as out of an old file", (t) => {
    const published: string[] = [];
    const alerts = new RepeatedAlerts({
      settings: { ...DEFAULT_SETTINGS.repeats, max: 2 },
      publish: ({ message }) => void published.push(message),
    });
    t.after(() => alerts.close());
    for (let number = 0; number < 40; number += 1)
      alerts.alert(
        { rule: "A", container: "c", values: [], port: undefined },
        BigInt(number) * 6n * SECOND,
        () => ({ message: `A ${number}` }) as Alert,
      );
    assert.equal(published.length, 40);
  });

  test("holds a bounded number of alerts whatever varies, and loses none", (t) => {
    const { times, alerts, published } = repeated(t, { max: 1, containerMax: 1 });
    times(50_000, (index) => ({ container: `c${index % 5000}`, values: [`${index}`] }));
    alerts.close();
    const told = published.reduce(
      (sum, { outputFields }) => sum + Number(outputFields[REPEATS] ?? 1),
      0,
    );
    assert.equal(told, 50_000);
    assert.ok(published.length < 20_000, `${published.length}`);
  });
});
