import assert from "node:assert/strict";
import { test } from "node:test";
import { readMounts, storesFiles, watchableMounts } from "./mount-table.ts";

const TABLE = String.raw`27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw
25 24 0:23 / /dev/shm rw,relatime shared:3 master:1 - tmpfs tmpfs rw
22 27 0:21 / /proc rw,relatime - proc proc rw
40 27 8:17 /a /srv/with\040blank\134 rw - xfs /dev/sdb1 rw
41 27 0:50 / /home rw - nfs4 server:/home rw
42 27 0:51 / /run/user/fuse rw - fuse.sshfs x rw
43 27 254:0 /gone /tmp/gone//deleted rw - ext4 /dev/vda rw
44 27 0:52 / /merged ro - overlay overlay ro
broken line
`;

test("readMounts() gives device, place and type, with and without optional words", () => {
  const mounts = readMounts(TABLE);
  assert.deepEqual(mounts[2], { id: 25, device: "0:23", point: "/dev/shm", type: "tmpfs" });
  assert.equal(mounts[4]?.point, "/srv/with blank\\");
  assert.equal(mounts.length, 9);
});

test("watchableMounts() leaves out what is no file system of this machine's files, and what is gone", () => {
  assert.deepEqual(
    watchableMounts(readMounts(TABLE)).map(({ point }) => point),
    ["/", "/dev/shm", "/srv/with blank\\", "/merged"],
  );
});

test("watchableMounts() leaves out a container's devices, wherever one of them is mounted", () => {
  const mounts = [
    { id: 1, device: "0:43", point: "/dev", type: "tmpfs" },
    { id: 2, device: "0:43", point: "/proc/keys", type: "tmpfs" },
    { id: 3, device: "0:47", point: "/dev/shm", type: "tmpfs" },
  ];
  assert.deepEqual(
    watchableMounts(mounts).map(({ point }) => point),
    ["/dev/shm"],
  );
});

test("storesFiles() is false of file systems whose files act, or whose server is a user's", () => {
  assert.deepEqual(
    readMounts(TABLE)
      .filter((mount) => !storesFiles(mount))
      .map(({ type }) => type),
    ["devtmpfs", "proc", "fuse.sshfs"],
  );
});
