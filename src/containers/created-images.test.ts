import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerHttp2Stream } from "node:http2";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { framed, serveGrpc, socketPlace } from "../../test/fixtures/grpc-server.ts";
import { until } from "../../test/fixtures/until.ts";
import { containerdRuntime } from "./containerd-runtime.ts";
import { CreatedImages } from "./created-images.ts";
import { writeProto } from "./protobuf.ts";

const SUBSCRIBE = "/containerd.services.events.v1.Events/Subscribe";

test("CreatedImages knows the newest image of a namespace's container", async (t) => {
  const { images, tell } = await following(t);
  tell(created("default", "web", "box:1"), created("team", "web", "box:2"));
  tell(created("default", "api", ""), created("default", "web", "box:3"));
  await until("the last", () => images.imageOf("default", "web") === "box:3");
  assert.equal(images.imageOf("team", "web"), "box:2");
  assert.deepEqual([images.imageOf("default", "api"), images.imageOf("", "web")], ["", ""]);
});

test("CreatedImages keeps the last 4096, and none of an image without end", async (t) => {
  const { images, tell } = await following(t);
  tell(created("default", "long", "x".repeat(5000)));
  for (let index = 0; index <= 4096; index += 1) tell(created("default", `c${index}`, "box:1"));
  await until("the last", () => images.imageOf("default", "c4096") === "box:1");
  assert.deepEqual(
    ["long", "c0", "c1"].map((id) => images.imageOf("default", id)),
    ["", "", "box:1"],
  );
});

test("CreatedImages forgets what it heard before an interruption, and hears again", async (t) => {
  const { images, tell, end } = await following(t);
  tell(created("default", "web", "box:1"));
  await until("the first", () => images.imageOf("default", "web") === "box:1");
  end();
  await until("to be forgotten", () => images.imageOf("default", "web") === "");
  await until("to be heard again", () => {
    tell(created("default", "web", "box:2"));
    return images.imageOf("default", "web") === "box:2";
  });
});

test("containerdRuntime knows the image that was told while its question had no answer", async (t) => {
  const state = await mkdtemp("/dev/shm/saker-containerd-");
  t.after(() => rm(state, { recursive: true }));
  const bundle = join(state, "io.containerd.runtime.v2.task/default/web");
  await mkdir(bundle, { recursive: true });
  await writeFile(
    join(bundle, "config.json"),
    '{"ociVersion":"1.0.2","linux":{"cgroupsPath":"/default/web"}}',
  );
  let listener: ServerHttp2Stream | undefined;
  await serveGrpc(t, join(state, "containerd.sock"), (stream, method) => {
    if (method === SUBSCRIBE) {
      stream.respond({ ":status": 200 });
      listener = stream;
    } else if (method.endsWith("Containers/Get")) {
      listener?.write(created("default", "web", "box:1"));
    }
  });
  const runtime = containerdRuntime(state);
  const watching = new AbortController();
  t.after(() => watching.abort());
  const silent = { onConnected: () => {}, onEvent: () => {}, onProblem: () => {} };
  void runtime.watch(silent, watching.signal);
  await until("it to listen", () => listener);
  const known = await runtime.inspect({ id: "web", directory: "/default/web", asker: "" });
  assert.deepEqual([known?.metadata.name, known?.metadata.image], ["web", "box:1"]);
});

test("CreatedImages hears a daemon that comes later", async (t) => {
  const socket = await socketPlace(t);
  const images = new CreatedImages(socket);
  const stop = new AbortController();
  t.after(() => stop.abort());
  void images.follow(stop.signal);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await serveGrpc(t, socket, (stream) => {
    stream.respond({ ":status": 200 });
    stream.write(created("default", "web", "box:1"));
  });
  await until("its word", () => images.imageOf("default", "web") === "box:1");
});

/** A daemon that tells what it is told to tell. */
async function following(t: TestContext) {
  const socket = await socketPlace(t);
  let listener: ServerHttp2Stream | undefined;
  await serveGrpc(t, socket, (stream, method) => {
    assert.equal(method, SUBSCRIBE);
    stream.respond({ ":status": 200 });
    listener = stream;
  });
  const images = new CreatedImages(socket);
  const stop = new AbortController();
  t.after(() => stop.abort());
  void images.follow(stop.signal);
  await until("it to listen", () => listener);
  return {
    images,
    tell: (...messages: readonly Buffer[]) => void listener?.write(Buffer.concat(messages)),
    end: () => listener?.session?.destroy(),
  };
}

/** The daemon's message of a container that was made. */
function created(namespace: string, id: string, image: string): Buffer {
  const event = writeProto([
    [1, id],
    [2, image],
  ]);
  const type = "containerd.events.ContainerCreate";
  const any = writeProto([
    [1, type],
    [2, event],
  ]);
  return framed(
    writeProto([
      [2, namespace],
      [3, "/containers/create"],
      [4, any],
    ]),
  );
}
