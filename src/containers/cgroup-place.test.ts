import assert from "node:assert/strict";
import { test } from "node:test";
import { placesOf } from "./cgroup-place.ts";

test("placesOf knows the paths that a cgroupsPath may mean", () => {
  const cases: [cgroupsPath: string, manager: string | undefined, places: readonly string[]][] = [
    ["/default/web", undefined, ["/default/web"]],
    ["/libpod_parent//libpod-A/", undefined, ["/libpod_parent/libpod-A"]],
    ["", undefined, []],
    ["relative/A", undefined, ["/relative/A"]],
    [
      "system.slice:docker:A",
      undefined,
      ["/system.slice/docker-A.scope", "/system.slice:docker:A"],
    ],
    [
      "kubepods-burstable-pod1.slice:cri-containerd:A",
      undefined,
      [
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-A.scope",
        "/kubepods-burstable-pod1.slice:cri-containerd:A",
      ],
    ],
    [":docker:A", undefined, ["/system.slice/docker-A.scope", "/:docker:A"]],
    [
      "user.slice:libpod:A",
      "/user.slice/user-7.slice/user@7.service",
      ["/user.slice/user-7.slice/user@7.service/user.slice/libpod-A.scope", "/user.slice:libpod:A"],
    ],
    ["a:b:c:d", undefined, ["/a:b:c:d"]],
  ];
  for (const [cgroupsPath, manager, places] of cases)
    assert.deepEqual(placesOf(cgroupsPath, manager), places, cgroupsPath);
});
