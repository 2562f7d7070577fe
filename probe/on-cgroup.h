// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Control groups that come and go: notices, so that user space knows a container before its first process acts.
#pragma once
#include "context.h"

INLINE u32 is_of_v1(struct cgroup *cgroup) {
  return READ(cgroup, root, hierarchy_id) != 0;
}

INLINE u64 key_of(struct cgroup *cgroup) {
  return cgroup_key(READ(cgroup, kn, id), is_of_v1(cgroup));
}

/** Only the hierarchies that contexts name: v2, and v1's `pids`. */
INLINE u32 is_told(struct cgroup *cgroup) {
  return !is_of_v1(cgroup) || pids_state(&cgroup->subsys[0]) != NULL;
}

INLINE struct scratch *open_cgroup_notice(struct cgroup *cgroup, u16 code, u32 params) {
  if (!is_told(cgroup)) return NULL;
  struct scratch *s = take_scratch(SCRATCH_OTHER, 0);
  if (!s) return NULL;
  put_context(s, current_task());
  begin(s, code, params);
  put_u64(s, READ(cgroup, kn, id));
  return s;
}

HOOK("cgroup_mkdir")
int cgroup_mkdir(u64 *ctx) {
  struct cgroup *cgroup = (struct cgroup *)ctx[0];
  struct scratch *s = open_cgroup_notice(cgroup, NOTICE_CGROUP_MKDIR, 3);
  if (!s) return 0;
  put_kernel_text(s, (void *)ctx[1]);
  put_u8(s, is_of_v1(cgroup));
  if (!finish(s)) remember_cgroup(key_of(cgroup));
  return 0;
}

HOOK("cgroup_rmdir")
int cgroup_rmdir(u64 *ctx) {
  struct cgroup *cgroup = (struct cgroup *)ctx[0];
  struct scratch *s = open_cgroup_notice(cgroup, NOTICE_CGROUP_RMDIR, 2);
  if (!s) return 0;
  put_u8(s, is_of_v1(cgroup));
  u64 key = key_of(cgroup);
  bpf_map_delete_elem(&cgroups_seen, &key);
  finish(s);
  return 0;
}
