import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import {
  chromiumMissing,
  openPage,
  startChromium,
  type WatchedPage,
} from "../fixtures/chromium.ts";
import { freePort } from "../fixtures/free-port.ts";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { opensslMissing, TlsServers } from "../fixtures/tls-servers.ts";
import { until } from "../fixtures/until.ts";

// The page as its reader has it: Debian's Chromium, the page's own policy on, alerts that a Falco
// beside wrote.

interface Written {
  readonly rule?: string;
  readonly priority?: string;
  readonly output?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** A watch that follows a file of Falco's alerts, and what its page is opened with. */
class Watched {
  readonly folder = mkdtempSync(join(tmpdir(), "saker-page-"));
  readonly #file = join(this.folder, "falco.json");
  #port = 0;
  #saker: RunningSaker | undefined;

  constructor() {
    writeFileSync(this.#file, "");
  }

  /** By default it follows the file alone. */
  async start(
    source: readonly string[] = ["--source", `falco:${this.#file}`, "--no-audit"],
  ): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const report = ["--report", join(this.folder, "report")];
    this.#saker = startSaker(["watch", ...source, ...report, "-o", `web.port=${this.#port}`]);
    const { err } = this.#saker;
    await until("the page's address", () => err().includes("page: "), { seen: this.said });
  }

  readonly said = (): string => `${this.#saker?.err()}${this.#saker?.out()}`;

  /** The file begins anew: a watch reads it from its beginning. */
  async stop(): Promise<void> {
    await this.#saker?.stop();
    writeFileSync(this.#file, "");
  }

  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The link that signs in once. */
  get link(): string {
    return /page: (\S+)/.exec(this.said())?.[1] ?? "";
  }

  write(...alerts: readonly Written[]): void {
    appendFileSync(this.#file, linesOf(alerts));
  }
}

/** Alerts as Falco writes them. */
function linesOf(alerts: readonly Written[]): string {
  return alerts
    .map(({ rule = "R", priority = "Notice", output = "o", fields = {} }) =>
      JSON.stringify({
        rule,
        priority,
        output: `12:00:00.000000000: ${priority} ${output}`,
        time: new Date().toISOString(),
        source: "syscall",
        hostname: "node-1",
        tags: ["container"],
        output_fields: fields,
      }),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** What the browser complained of, but for answers of the server and for its absence. */
function refusals({ complaints }: WatchedPage): readonly string[] {
  return complaints.filter((text) => !/^Failed to load resource: |ERR_CONNECTION/.test(text));
}

const HOSTILE = `<img src=x onerror="document.title='owned'">`;

describe("the page", { skip: chromiumMissing() ?? false }, () => {
  const watched = new Watched();
  let browser: Browser;
  let view: WatchedPage;
  let page: Page;
  const row = (text: string) => page.getByRole("row").filter({ hasText: text });
  const rows = () => page.locator(".rows .row");
  /** The rows of before may still stand, or those of the answer not yet. */
  const rowsToBe = async (count: number): Promise<void> => {
    await rows().nth(count).waitFor({ state: "detached" });
    await rows()
      .nth(count - 1)
      .waitFor();
  };

  before(async () => {
    await watched.start();
    browser = await startChromium();
    view = await openPage(browser);
    page = view.page;
    page.setDefaultTimeout(20_000);
  });
  after(async () => {
    await browser?.close();
    await watched.stop();
    rmSync(watched.folder, { recursive: true, force: true });
  });

  test("asks who one is, refuses a wrong token, and takes a link once", async () => {
    const other = await openPage(browser);
    await other.page.goto(watched.address);
    await other.page.getByLabel("Token").fill("wrong");
    await other.page.getByRole("button", { name: "Sign in" }).click();
    await other.page.getByRole("alert").filter({ hasText: "token is wrong" }).waitFor();
    await page.goto(watched.link);
    await page.getByText("No alerts yet").waitFor();
    await other.page.goto(watched.link);
    await other.page.getByText("has been used").waitFor();
    await other.context.close();
  });

  test("shows an alert without being loaded again, and what a container chose as text", async () => {
    const kept = await page.locator("body").elementHandle();
    watched.write({
      rule: "Shell in container",
      priority: "Critical",
      output: `shell ${HOSTILE}`,
      fields: {
        "container.name": `evil\u202etxt.${HOSTILE}`,
        "proc.name": "bash",
        "proc.pname": "nginx",
        "proc.cmdline": HOSTILE,
      },
    });
    await row("Shell in container").waitFor();
    assert.equal(await kept?.evaluate((body) => body.isConnected), true);
    assert.match(await row("Shell in container").innerText(), /evil\\u202etxt\.<img src=x/);
    await row("Shell in container").click();
    const drawer = page.getByRole("complementary");
    await drawer.getByRole("heading", { name: "Process" }).waitFor();
    assert.match(await drawer.innerText(), /nginx[\s\S]*bash[\s\S]*<img src=x onerror/);
    assert.match(page.url(), /\/(alerts)?\?alert=\d+$/);
    assert.equal(await page.locator("img").count(), 0);
    assert.doesNotMatch(await page.title(), /owned/);
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    // A Falco's rules are not here to be shown.
    assert.deepEqual(refusals(view), []);
  });

  test("filters by priority, field and words; the address has it, and back takes it off", async () => {
    watched.write(
      { rule: "Quiet", priority: "Debug", output: "nothing much", fields: { "proc.name": "cat" } },
      { rule: "Port opened", priority: "Warning", output: "port", fields: { "proc.name": "nc" } },
    );
    await row("Port opened").waitFor();
    await page.getByRole("link", { name: /^Critical/ }).click();
    await row("Port opened").waitFor({ state: "detached" });
    assert.match(page.url(), /priority=Critical/);
    await rowsToBe(1);
    await page.goBack();
    await row("Port opened").waitFor();

    await row("Port opened").click();
    await page.getByRole("link", { name: "Leave out proc.name = this" }).click();
    await row("Port opened").waitFor({ state: "detached" });
    await rowsToBe(2);
    await page.getByRole("link", { name: "Clear all" }).click();
    await page.keyboard.press("Escape");

    await page.keyboard.press("/");
    await page.keyboard.type("nothing mu");
    await page.keyboard.press("Enter");
    await row("Port opened").waitFor({ state: "detached" });
    await rowsToBe(1);
    assert.equal(await row("Quiet").count(), 1);
    const shared = page.url();
    await page.goto(shared);
    await row("Quiet").waitFor();
    await rowsToBe(1);
    await page.getByRole("link", { name: "Clear all" }).click();
    await row("Port opened").waitFor();
  });

  test("takes a span that is dragged over the chart", async () => {
    const chart = await page.locator(".u-over").boundingBox();
    assert.ok(chart !== null);
    const middle = chart.y + chart.height / 2;
    await page.mouse.move(chart.x + 2, middle);
    await page.mouse.down();
    await page.mouse.move(chart.x + chart.width - 2, middle, { steps: 4 });
    await page.mouse.up();
    await page.getByRole("link", { name: /^until / }).waitFor();
    const { searchParams } = new URL(page.url());
    assert.match(searchParams.get("since") ?? "", /:00\.000Z$/);
    await row("Port opened").waitFor();
    await rowsToBe(3);
    await page.getByRole("link", { name: "Clear all" }).click();
  });

  test("holds still while it is paused, and says how many wait", async () => {
    await page.getByRole("grid").focus();
    await page.keyboard.press(" ");
    watched.write({ rule: "Late one" }, { rule: "Late two" });
    await page.getByRole("button", { name: "2 new" }).waitFor();
    assert.equal(await row("Late").count(), 0);
    await page.keyboard.press(" ");
    await row("Late two").waitFor();
    assert.equal(await row("Late").count(), 2);
  });

  test("goes from row to row by j and k", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.keyboard.press("Enter");
    await page.getByRole("complementary").getByRole("heading", { name: "Late two" }).waitFor();
    await page.keyboard.press("j");
    await page.getByRole("complementary").getByRole("heading", { name: "Late one" }).waitFor();
    await page.keyboard.press("Escape");
  });

  test("silences alerts of a rule and a container, shows them when asked, and ends it", async () => {
    const noisy = { rule: "Noisy", fields: { "container.name": "web" } };
    watched.write(noisy);
    await row("Noisy").click();
    const drawer = page.getByRole("complementary");
    await drawer.getByText("Silence", { exact: true }).first().click();
    await drawer.getByLabel("container.name = web").isChecked();
    await drawer.getByLabel("Because").fill("an exercise");
    await drawer.getByRole("button", { name: "Silence", exact: true }).click();
    await drawer.getByText("silenced until").waitFor();
    await page.keyboard.press("Escape");
    watched.write({ ...noisy, output: "hushed" }, { rule: "Noisy", output: "elsewhere" });
    await row("elsewhere").waitFor();
    assert.equal(await row("hushed").count(), 0);
    await page.getByRole("link", { name: "Show 1 silenced" }).click();
    await row("hushed").waitFor();
    await page.getByRole("link", { name: "Silences" }).click();
    await row("an exercise").getByText("1 alert").waitFor();
    await page.getByRole("button", { name: "End the silence of Noisy" }).click();
    await page.getByText("Nothing is silenced").waitFor();
    assert.match(watched.said(), /silence \w{8} of "Noisy" .* has ended: 1 alert was silenced/);
    await page.getByRole("link", { name: "Alerts", exact: true }).click();
    watched.write({ ...noisy, output: "heard again" });
    await row("heard again").waitFor();
  });

  test("exports what the filter lets through", async () => {
    await page.getByRole("link", { name: /^Critical/ }).click();
    await row("Late one").waitFor({ state: "detached" });
    const [csv, lines] = [await download("CSV"), await download("JSON lines")];
    assert.equal(csv.trimEnd().split("\n").length, 2);
    const [alert, ...more] = lines.trimEnd().split("\n");
    assert.deepEqual(more, []);
    assert.equal((JSON.parse(alert ?? "") as { rule: string }).rule, "Shell in container");
    await page.getByRole("link", { name: "Clear all" }).click();

    async function download(name: string): Promise<string> {
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name }).click(),
      ]);
      return readFileSync(await file.path(), "utf8");
    }
  });

  test("goes on by itself when the server is back, without a gap and nothing twice", async () => {
    await watched.stop();
    await page.getByText("no connection").waitFor();
    watched.write({ rule: "Written meanwhile" });
    await watched.start();
    await page.getByText("live", { exact: true }).waitFor();
    watched.write({ rule: "Written after" });
    await row("Written after").waitFor();
    const shown = await rows().evaluateAll((all) => all.map(({ id }) => id));
    assert.equal(shown.length, new Set(shown).size, shown.join());
  });

  test("shows 100,000 alerts: few rows exist, and the oldest can be reached", async () => {
    // The page is told of each of these, and of the others only once it is back.
    for (let batch = 0; batch < 10; batch += 1) await send(batch);
    await page.getByRole("link", { name: "Health" }).click();
    for (let batch = 10; batch < 100; batch += 1) await send(batch);
    await page.getByRole("link", { name: "Alerts" }).click();
    await page.getByText(/^100,0\d\d alerts/).waitFor({ timeout: 60_000 });
    // Those that came in while it looked stand there already.
    await page.reload();
    await page.getByText(/^100,0\d\d alerts/).waitFor();
    // The page below is read when one comes near the end of what is there.
    await page.locator(".body").evaluate((box) => box.scrollTo(0, box.scrollHeight));
    await page.locator('.row[aria-rowindex="205"]').waitFor();
    assert.ok((await rows().count()) < 100);
    await page.getByRole("link", { name: "Debug" }).click();
    await row("Quiet").waitFor();
    await page.getByText("No older one is kept").waitFor();
    await page.getByRole("link", { name: "Clear all" }).click();

    /** As falcosidekick sends them to its page; 503: too many wait, a moment later they do not. */
    async function send(batch: number): Promise<void> {
      const alerts = Array.from({ length: 1000 }, (_, index) => ({
        rule: `Many ${index % 7}`,
        fields: { "proc.pid": batch * 1000 + index },
      }));
      for (;;) {
        const answer = await page.request.post(`${watched.address}/`, { data: linesOf(alerts) });
        if (answer.ok()) return;
        assert.equal(answer.status(), 503, await answer.text());
        await sleep(50);
      }
    }
  });

  test("has a name for each control, and a place for each part", async () => {
    const nameless = await page
      .locator("a[href]:not([aria-label]), button:not([aria-label]), input:not([aria-label])")
      .filter({ hasNotText: /\S/ })
      .count();
    assert.equal(nameless, 0);
    for (const role of ["banner", "navigation", "main", "grid", "search"] as const)
      assert.equal(await page.getByRole(role).count(), 1, role);
    assert.deepEqual(refusals(view), []);
  });

  test("says what is watched and kept", async () => {
    await page.getByRole("link", { name: "Health" }).click();
    await page.getByText("Nothing was lost.").waitFor();
    const text = await page.getByRole("main").innerText();
    assert.match(text, /shows events since\s+\d\d\/\d\d\/\d{4}/);
    assert.match(text, /source\s+falco/);
  });
});

const RULES = `
- rule: Port opened by a test
  desc: a server of this test listens
  condition: evt.type = listen and evt.rawres >= 0 and fd.l4proto = tcp and proc.name = openssl
  output: "port opened (port=%fd.sport process=%proc.name pid=%proc.pid parent=%proc.pname)"
  priority: WARNING
  tags: [open_port]
`;

const missing = chromiumMissing() ?? opensslMissing() ?? (whyNoBpf() || undefined);

describe("the page of a watch of this host", { skip: missing ?? false }, () => {
  const watched = new Watched();
  const servers = new TlsServers();
  let browser: Browser;
  let page: Page;
  let port = 0;

  before(async () => {
    const rules = join(watched.folder, "rules.yaml");
    writeFileSync(rules, RULES);
    await watched.start(["--rules", rules]);
    browser = await startChromium();
    ({ page } = await openPage(browser));
    page.setDefaultTimeout(60_000);
    await page.goto(watched.link);
    await page.getByText("live", { exact: true }).waitFor();
  });
  after(async () => {
    await browser?.close();
    servers.stop();
    await watched.stop();
    rmSync(watched.folder, { recursive: true, force: true });
  });

  test("shows a port that opens, with the clauses of its rule", async () => {
    port = await servers.openssl(servers.keyPair("rsa:2048"));
    await page
      .getByRole("row")
      .filter({ hasText: `port=${port}` })
      .click();
    const drawer = page.getByRole("complementary");
    await drawer.getByText("a server of this test listens").waitFor();
    await drawer.getByText("proc.name was openssl").waitFor();
    const text = await drawer.innerText();
    assert.match(text, /fd\.l4proto = tcp\n/);
    await page.keyboard.press("Escape");
  });

  test("shows it among the ports, its grade, and what changed", async () => {
    await page.getByRole("link", { name: "Ports", exact: true }).click();
    const row = page.getByRole("row").filter({ hasText: `:${port}` });
    await row.getByText("T", { exact: true }).waitFor();
    assert.match(await row.innerText(), /openssl.*expires in 6 d/s);
    await page.getByText(/Since yesterday: \d+ opened/).waitFor();
    await row.getByRole("link", { name: `:${port}` }).click();
    await page.getByRole("button", { name: "Audit again" }).click();
    await page.getByText("is being examined").waitFor();
    await page.locator("table.list tbody tr").nth(1).waitFor();
  });

  test("shows its report, and gives it away as one file", async () => {
    await page.locator("table.list tbody a").nth(1).click();
    await page.getByRole("heading", { name: `:${port}` }).waitFor();
    const text = await page.getByRole("main").innerText();
    assert.match(text, /^T$/m);
    assert.match(text, /Key exchange\s+\d+[\s\S]*Findings[\s\S]*Suites[\s\S]*Chain of the rsa key/);
    const shared = page.url();
    await page.goto(shared);
    await page.getByRole("heading", { name: `:${port}` }).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "HTML" }).click(),
    ]);
    const html = readFileSync(await file.path(), "utf8");
    assert.match(html, new RegExp(`<h1>[^<]*:${port}</h1>`));
    assert.doesNotMatch(html, /<script|https?:\/\/[^ ]+\.(?:css|js)/);
  });
});
