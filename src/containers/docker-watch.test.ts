import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ContainerRegistry } from "./container-registry.ts";
import { dockerClient } from "./docker-client.ts";
import { dockerRuntime } from "./docker-runtime.ts";

const ID = "5a98e8412b6c3fea18b9944a8ab378d1213f008cac119cc0d70c5ff412d50447";

test("watchDocker tells of an absent daemon once, and catches up when it comes, goes and comes again", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "saker-watch-"));
  const socket = join(directory, "s");
  const [problems, stopped]: [string[], string[]] = [[], []];
  const registry = new ContainerRegistry({
    runtimes: [dockerRuntime({ client: dockerClient(`unix://${socket}`) })],
    onProblem: (message) => problems.push(message),
    onStopped: (container) => stopped.push(container.id),
    cgroupRoot: "/nonexistent",
  });
  t.after(() => rm(directory, { recursive: true }));
  t.after(() => registry.stop());
  await registry.start();
  registry.cgroupAppeared(1, `/docker/${ID}`);
  const container = registry.byCgroup(1) ?? assert.fail();
  assert.equal((await registry.whenSettled(container, 1000)).state, "failed");

  const first = await daemon(socket, [ID]);
  await until(() => container.state === "known");
  assert.equal(container.metadata?.name, "web");
  assert.equal(container.runtime, "podman");
  assert.equal(container.failure, undefined);
  first.say({
    Type: "container",
    Action: "rename",
    Actor: { ID, Attributes: { name: "renamed" } },
  });
  await until(() => registry.byName("renamed") !== undefined || container.metadata?.name === "web");
  first.stop();
  registry.cgroupGone(1);

  const second = await daemon(socket, []);
  t.after(() => second.stop());
  await until(() => second.asked.includes("/containers/json"));
  assert.deepEqual(registry.list(), []);
  assert.deepEqual(stopped, [ID.slice(0, 12)]);
  assert.deepEqual(
    [...new Set(problems)],
    [`Cannot reach Docker at "unix://${socket}": no such socket`],
  );
});

/** A daemon that has one container. */
async function daemon(
  socket: string,
  running: readonly string[],
): Promise<{ asked: string[]; say(event: unknown): void; stop(): void }> {
  const asked: string[] = [];
  let stream: ServerResponse | undefined;
  const answers: Record<string, unknown> = {
    "/version": { Version: "4.3.1", Components: [{ Name: "Podman Engine" }] },
    "/containers/json": running.map((Id) => ({ Id })),
    [`/containers/${ID}/json`]: { Id: ID, Name: "web", State: { Running: true } },
  };
  const server: Server = createServer((request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    asked.push(path);
    if (path === "/events") {
      stream = response;
      response.flushHeaders();
    } else {
      response
        .writeHead(path in answers ? 200 : 404)
        .end(JSON.stringify(answers[path] ?? { message: "none" }));
    }
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { asked, say: (event) => stream?.write(`${JSON.stringify(event)}\n`), stop };
}

async function until(holds: () => boolean): Promise<void> {
  for (let left = 200; !holds(); left -= 1) {
    assert.notEqual(left, 0, "did not happen within 6 s");
    await sleep(30);
  }
}
