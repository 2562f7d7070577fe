import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { conformance } from "./conformance.ts";
import { JUDGES } from "./judges.ts";
import { skipReason, SKIPS } from "./skips.ts";

const folder = fileURLToPath(new URL("../../../shared/conformance/", import.meta.url));
const skip = !existsSync(folder) && "needs ../shared/conformance";

for (const kind of Object.keys(JUDGES)) {
  test(
    `${kind}: every case is answered as the real engine answers it, but those that are skipped with a reason`,
    { skip },
    () => {
      const { unmet = [], total } = conformance(folder, kind);
      assert.ok(total > 0, "the folder has cases of this kind");
      const surprises = unmet.filter(({ one }) => skipReason(kind, one) === undefined);
      assert.deepEqual(
        surprises.map(({ answer, one }) => `${answer} ⟵ ${JSON.stringify(one).slice(0, 300)}`),
        [],
      );
      // A skip that is met after all has had its day.
      assert.equal(
        unmet.length,
        SKIPS.filter((each) => each.kind === kind).length,
        "every skip is of a case that is not met",
      );
    },
  );
}
