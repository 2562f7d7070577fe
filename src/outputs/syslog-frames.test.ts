import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert } from "../alerts/alert.ts";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { cefMessage, FRAMES } from "./syslog-frames.ts";

function alert(rest: Partial<Alert> = {}): Alert {
  const news = alertNews({ hostname: "my host\n", ...rest });
  if (news.kind !== "alert") throw new Error("no alert");
  return news.alert;
}

test("FRAMES have the heads of RFC 5424 and RFC 3164", () => {
  assert.equal(
    FRAMES["5424"](alert(), "{}", () => 0),
    "<12>1 2025-02-08T08:23:00.580354Z my_host_ falco - - - {}",
  );
  assert.equal(
    FRAMES["3164"](alert({ priority: "Critical" }), "a falco: $& b", () => 60),
    "<10>Feb  8 09:23:00 my_host_ falco: a falco: $& b",
  );
});

test("cefMessage() escapes what would end a part", () => {
  const hostile = 'a|b=c\\d\n\u202e"';
  assert.equal(
    cefMessage(alert({ rule: hostile, message: hostile, outputFields: { "fd.name": hostile } })),
    String.raw`CEF:0|Falcosecurity|Falco|1.0|Falco Event|a\|b=c\\d\u000a\u202e"|6|uuid=00000000-0000-4000-8000-000000000000 start=1739002980580 dvchost=my host\u000a cat=syscall msg=a|b\=c\\d\u000a\u202e" tags=container,open_port fd_name=a|b\=c\\d\u000a\u202e"`,
  );
});
