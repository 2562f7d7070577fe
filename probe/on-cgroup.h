// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Control groups that come and go: notices, so that user space knows a container before its first process acts.
#pragma once
#include "context.h"
#include "hooks.h"

/** What a notice tells of a group. */
struct group {
  u64 id;
  u32 is_v1;
  /** only the hierarchies that contexts name: v2, and v1's `pids` */
  u32 is_told;
};

#if defined(CLASSIC)
#define GROUP_PATH RECORD_TEXT(cgroup, path)

INLINE struct group group_of(u64 *ctx) {
  struct css_set *set = PROBE(current_task(), cgroups);
  struct cgroup_subsys_state *pids = pids_state(&set->subsys[0]);
  s32 root = RECORD(cgroup)->root;
  u32 is_pids = pids && root == PROBE(pids, cgroup, root, hierarchy_id);
  return (struct group){ .id = RECORD(cgroup)->id, .is_v1 = root != 0, .is_told = root == 0 || is_pids };
}
#else
#define GROUP_PATH ((void *)ctx[1])

INLINE struct group group_of(u64 *ctx) {
  struct cgroup *cgroup = (struct cgroup *)ctx[0];
  u32 is_v1 = READ(cgroup, root, hierarchy_id) != 0;
  return (struct group){ .id = READ(cgroup, kn, id), .is_v1 = is_v1, .is_told = !is_v1 || pids_state(&cgroup->subsys[0]) != NULL };
}
#endif

INLINE struct scratch *open_cgroup_notice(struct group group, u16 code, u32 params) {
  if (!group.is_told) return NULL;
  struct scratch *s = take_scratch(SCRATCH_OTHER, 0);
  if (!s) return NULL;
  put_context(s, current_task());
  begin(s, code, params);
  put_u64(s, group.id);
  return s;
}

HOOK("cgroup", "cgroup_mkdir")
int cgroup_mkdir(u64 *ctx) {
  struct group group = group_of(ctx);
  struct scratch *s = open_cgroup_notice(group, NOTICE_CGROUP_MKDIR, 3);
  if (!s) return 0;
  put_kernel_text(s, GROUP_PATH);
  put_u8(s, group.is_v1);
  if (!finish(s)) remember_cgroup(cgroup_key(group.id, group.is_v1));
  return 0;
}

HOOK("cgroup", "cgroup_rmdir")
int cgroup_rmdir(u64 *ctx) {
  struct group group = group_of(ctx);
  struct scratch *s = open_cgroup_notice(group, NOTICE_CGROUP_RMDIR, 2);
  if (!s) return 0;
  put_u8(s, group.is_v1);
  u64 key = cgroup_key(group.id, group.is_v1);
  bpf_map_delete_elem(&cgroups_seen, &key);
  finish(s);
  return 0;
}
