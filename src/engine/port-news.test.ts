import assert from "node:assert/strict";
import { test } from "node:test";
import { PortNews } from "./port-news.ts";

const place = { namespace: 7, port: 80, container: "c1" };
const opening = (socket: bigint) => ({ ...place, address: "0.0.0.0", socket, at: 0 });

test("PortNews.judge() tells a port once while it stays open, whatever number of workers listen", () => {
  const news = new PortNews();
  news.opened(opening(1n));
  assert.equal(news.judge("Port opened", place), "news");
  news.opened(opening(2n));
  assert.equal(news.judge("Port opened", place), "known");
  news.closed({ ...opening(1n) });
  assert.equal(news.judge("Port opened", place), "known");
  assert.equal(news.suppressed, 2);
});

test("PortNews.judge() takes a port that was closed and opened again as news", () => {
  const news = new PortNews();
  news.opened(opening(1n));
  news.judge("Port opened", place);
  news.closed(opening(1n));
  news.opened(opening(2n));
  assert.equal(news.judge("Port opened", place), "news");
});

test("PortNews.judge() lets a second rule tell of the same opening, but once", () => {
  const news = new PortNews();
  news.opened(opening(1n));
  assert.deepEqual(
    [news.judge("one", place), news.judge("two", place), news.judge("two", place)],
    ["news", "further", "known"],
  );
});

test("PortNews.judge() keeps the same port of two containers apart", () => {
  const news = new PortNews();
  news.opened(opening(1n));
  news.opened({ ...opening(2n), container: "c2", namespace: 8 });
  assert.equal(news.judge("one", place), "news");
  assert.equal(news.judge("one", { ...place, container: "c2", namespace: 8 }), "news");
});

test("PortNews.judge() takes every alert about a port that is closed already as news", () => {
  const news = new PortNews();
  assert.equal(news.judge("one", place), "news");
  news.opened(opening(1n));
  assert.equal(news.judge("one", place), "news");
});

test("PortNews.containerGone() forgets all that the container had open", () => {
  const news = new PortNews();
  news.opened(opening(1n));
  news.judge("one", place);
  news.containerGone("c1");
  assert.equal(news.inventory.size, 0);
  news.opened(opening(2n));
  assert.equal(news.judge("one", place), "news");
});
