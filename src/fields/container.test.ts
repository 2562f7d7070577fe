import assert from "node:assert/strict";
import { test } from "node:test";
import { container, scene } from "../../test/fixtures/scenes.ts";
import type { Container } from "../containers/container.ts";
import type { Process } from "../state/process.ts";
import { FIELDS } from "./registry.ts";

const CHECK = ["/bin/sh", "-c", "curl -f localhost"];
const [HOST, INSIDE] = [1, 2];
const shim = { pid: 10, vpid: 10, comm: "containerd-shim", pidNamespace: HOST };
const check = {
  pid: 20,
  ppid: 10,
  vpid: 30,
  comm: "sh",
  exe: "/bin/sh",
  args: ["-c", "curl -f localhost"],
  pidNamespace: INSIDE,
};
const init = { pid: 20, ppid: 10, vpid: 1, comm: "app", exe: "app", pidNamespace: INSIDE };
const curl = { pid: 21, ppid: 20, vpid: 31, comm: "curl", exe: "curl", pidNamespace: INSIDE };

function isHealthcheck(one: Container | undefined, chain: readonly Partial<Process>[]): unknown {
  const { pidNamespace = 0, vpid = 0 } = chain.at(-1) ?? {};
  return FIELDS.get("proc.is_container_healthcheck")?.bind?.(undefined)?.(
    scene("chdir", { res: -1 }, { chain, container: one, context: { pidNamespace, vpid } }),
  );
}

test("proc.is_container_healthcheck holds for what the runtime starts, and for all below it", () => {
  const web = container("web", { healthcheck: CHECK });
  assert.equal(isHealthcheck(web, [shim, check]), true);
  assert.equal(isHealthcheck(web, [shim, check, curl]), true);
  assert.equal(
    isHealthcheck(web, [shim, { ...check, args: ["-c", "id"] }, curl]),
    false,
    "another command from outside",
  );
  assert.equal(isHealthcheck(web, [shim, { ...check, args: [] }]), false, "a part of the command");
  assert.equal(
    isHealthcheck(web, [shim, init, { ...check, pid: 22, ppid: 20 }]),
    false,
    "the same command, but the container's own",
  );
  assert.equal(
    isHealthcheck(web, [shim, { ...check, vpid: 1 }]),
    false,
    "a container that is made to run it",
  );
  assert.equal(isHealthcheck(container("web", { healthcheck: [] }), [shim, check]), false);
  assert.equal(isHealthcheck(container("web"), [shim, check]), false);
  assert.equal(isHealthcheck(undefined, [shim]), false, "the host");
  assert.equal(
    isHealthcheck({ ...web, metadata: undefined, state: "pending" }, [shim, check]),
    undefined,
    "not told yet",
  );
});

test("container.healthcheck is the command in one line, NONE where it is turned off", () => {
  const read = (healthcheck: readonly string[] | undefined) =>
    FIELDS.get("container.healthcheck")?.bind?.(undefined)?.(
      scene("chdir", { res: 0 }, { container: container("web", { healthcheck }) }),
    );
  assert.deepEqual(
    [read(CHECK), read([]), read(undefined)],
    ["/bin/sh -c curl -f localhost", "NONE", undefined],
  );
});

test("container.start_ts is when the pid namespace began, else what the runtime says", () => {
  const start = (one: Container | undefined, chain: readonly Partial<Process>[]): unknown => {
    const { pidNamespace = 0, vpid = 0 } = chain.at(-1) ?? {};
    return FIELDS.get("container.start_ts")?.bind?.(undefined)?.(
      scene("chdir", { res: -1 }, { chain, container: one, context: { pidNamespace, vpid } }),
    );
  };
  const chain = [
    { ...shim, startTime: 50n },
    { ...init, startTime: 1000n },
    { ...curl, startTime: 2000n },
  ];
  const inner = [
    ...chain.slice(0, 2),
    { ...init, pid: 22, ppid: 20, pidNamespace: 3, startTime: 9n },
  ];
  const silent = container("web");
  const late = container("web", { startedAt: 1500n });
  const onHostPids = container("web", { startedAt: 1500n, hostPid: true });
  const cases: [Container | undefined, readonly Partial<Process>[], unknown][] = [
    [silent, chain, 1000n],
    [late, chain, 1000n],
    [late, [curl], 1500n],
    [silent, [curl], undefined],
    [onHostPids, chain, 1500n],
    [container("web", { startedAt: 5n }), inner, 5n],
    [undefined, chain, undefined],
  ];
  for (const [index, [one, processes, expected]] of cases.entries())
    assert.equal(start(one, processes), expected, `case ${index}`);
});
