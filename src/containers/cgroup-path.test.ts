import assert from "node:assert/strict";
import { test } from "node:test";
import { claimsOf, containerOfCgroup, portablePath, reportedId, shortId } from "./cgroup-path.ts";
import type { ContainerRuntime } from "./container.ts";

const A = "5a98e8412b6c3fea18b9944a8ab378d1213f008cac119cc0d70c5ff412d50447";
const B = "fca1d6c9106fa73328425fde9154b63f0d909ce761d0d268854656b51deac9e5";

test("containerOfCgroup knows the names that runtimes give", () => {
  const cases: [string, string | undefined, ContainerRuntime?][] = [
    [`/docker/${A}`, A, "docker"],
    [`docker/${A}`, A, "docker"],
    [`/docker/${A}/init`, A, "docker"],
    [`/docker/${A}/docker/${B}`, B, "docker"],
    [`/system.slice/docker-${A}.scope`, A, "docker"],
    [
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice/cri-containerd-${A}.scope`,
      A,
      "containerd",
    ],
    [
      `/system.slice/containerd.service/kubepods-burstable-pod1_2.slice:cri-containerd:${A}`,
      A,
      "containerd",
    ],
    [`/kubepods.slice/kubepods-pod1.slice/crio-${A}.scope/container`, A, "cri-o"],
    [`/kubepods.slice/kubepods-pod1.slice/crio-conmon-${A}.scope`, undefined],
    [`/machine.slice/libpod-${A}.scope/container`, A, "podman"],
    [`/machine.slice/libpod-conmon-${A}.scope`, undefined],
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope`, A, "podman"],
    [`/kubepods/burstable/pod0123-45/${A}`, A, "unknown"],
    [`/my-parent/${A}`, A, "unknown"],
    [`/system.slice/nerdctl-${A}.scope`, A, "containerd"],
    ["/", undefined],
    ["", undefined],
    ["/system.slice/docker.service", undefined],
    [`/docker/${A.slice(1)}`, undefined],
    [`/docker/${A}0`, undefined],
    [`/docker/${A.toUpperCase()}`, undefined],
    ["/user.slice/user-0.slice/session-1.scope", undefined],
  ];
  for (const [path, fullId, runtime] of cases) {
    assert.deepEqual(
      containerOfCgroup(path),
      fullId === undefined ? undefined : { fullId, runtime },
      path,
    );
  }
});

test("shortId is Falco's container.id", () => assert.equal(shortId(A), "5a98e8412b6c"));

test("claimsOf tells claims from the outermost, and what says nothing by itself", () => {
  const claims = (path: string) =>
    claimsOf(path).map(({ fullId, directory, isDistinct }) => [fullId, directory, isDistinct]);
  assert.deepEqual(claims(`/docker/${A}/docker/${B}/x`), [
    [A, `/docker/${A}`, true],
    [B, `/docker/${A}/docker/${B}`, true],
  ]);
  assert.deepEqual(claims("/default/web/below"), [["web", "/default/web", false]]);
  for (const path of ["/system.slice/ssh.service", "/a.slice/b.scope", "/one", "/../x", "/a//b"])
    assert.deepEqual(claims(path), [], path);
});

test("portablePath gives a path that names the same container", () => {
  const cases: [ContainerRuntime, string][] = [
    ["docker", A],
    ["podman", A],
    ["cri-o", A],
    ["containerd", A],
    ["lxc", "web"],
    ["libvirt-lxc", "shop"],
    ["systemd-nspawn", "deb"],
    ["bpm", "uaa"],
    ["nomad", "0f0e0d0c-0b0a-0908-0706-050403020100.task"],
  ];
  for (const [runtime, fullId] of cases) {
    const found = containerOfCgroup(portablePath({ fullId, runtime }));
    assert.equal(found?.fullId, fullId, runtime);
    assert.equal(reportedId(found), reportedId({ fullId, runtime }), runtime);
  }
  assert.equal(claimsOf(portablePath({ fullId: "web", runtime: "containerd" }))[0]?.fullId, "web");
});
