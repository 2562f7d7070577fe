// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Who did it: the context that stands before each event.
#pragma once
#include "writer.h"

struct upid_value {
  u32 nr;
  u32 gap;
  u64 namespace;
};

/** A pid as it is called at namespace `level`, 0 when it does not exist there. */
INLINE struct upid_value pid_at_level(struct scratch *s, struct pid *pid, u32 level) {
  struct upid_value value = {};
  if (level > 31) return value;
  struct upid *upid = (struct upid *)((u64)forget_type(s, &pid->numbers[0]) + level * sizeof(value));
  if (bpf_rdonly_cast) return (struct upid_value){ .nr = TYPED(upid)->nr, .namespace = (u64)TYPED(upid)->ns };
  bpf_probe_read_kernel(&value, sizeof(value), upid);
  return value;
}

INLINE struct kernfs_node *parent_of(struct kernfs_node *node) {
  if (FIELD_EXISTS(struct kernfs_node___from_6_15, __parent)) return PROBE((struct kernfs_node___from_6_15 *)node, __parent);
  return PROBE(node, parent);
}

INLINE struct cgroup_subsys_state *pids_state(struct cgroup_subsys_state **of) {
  struct cgroup_subsys_state *state = NULL;
  if (ENUM_EXISTS(enum cgroup_subsys_id, pids_cgrp_id))
    bpf_probe_read_kernel(&state, sizeof(state), of + ENUM_VALUE(enum cgroup_subsys_id, pids_cgrp_id));
  return state;
}

/** The cgroup that tells the container: v2 when the task is below its root there, else v1 `pids`. */
INLINE struct kernfs_node *cgroup_of(struct scratch *s, struct task_struct *task) {
  struct css_set *set = READ(task, cgroups);
  s->is_v1 = 0;
  if (READ(set, dfl_cgrp, level) == 0) {
    struct cgroup_subsys_state *pids = pids_state(&set->subsys[0]);
    s->is_v1 = pids != NULL;
    if (pids) return PROBE(pids, cgroup, kn);
  }
  return READ(set, dfl_cgrp, kn);
}

/** A cgroup's key in `cgroups_seen`: groups of the two hierarchies may have the same id. */
INLINE u64 cgroup_key(u64 id, u32 is_v1) {
  return id | (u64)is_v1 << 63;
}

INLINE u32 loginuid_of(struct task_struct *task) {
  return FIELD_EXISTS(struct task_struct, loginuid) ? READ(task, loginuid.val) : (u32)-1;
}

/** The number of a pid namespace, which mostly is the one that the task's children get. */
INLINE u32 pid_namespace_number(struct nsproxy *namespaces, u64 namespace) {
#ifndef RAW_TP
  struct pid_namespace *of_children = READ(namespaces, pid_ns_for_children);
  if (!bpf_rdonly_cast && (u64)of_children == namespace) return READ(of_children, ns.inum);
#endif
  return PROBE((struct pid_namespace *)namespace, ns.inum);
}

/** Fills the context with `task`, which is the current one or a child being made. */
INLINE void put_context(struct scratch *s, struct task_struct *task) {
  struct context *context = context_of(s);
  READ_SPAN(ids, 96, task, pid, group_leader);
  struct task_struct *leader = READ_IN(ids, task, group_leader), *parent = READ_IN(ids, task, real_parent);
  struct pid *pid = READ(leader, thread_pid);
  u32 level = READ(pid, level);
  struct upid_value own = pid_at_level(s, pid, level);
  s->level = level;
  s->namespace = own.namespace;
  context->start_time = READ(leader, start_boottime);
  context->pid = READ_IN(ids, task, tgid);
  context->tid = READ_IN(ids, task, pid);
  context->ppid = READ(parent, tgid);
  context->vpid = own.nr;
  struct cred *cred = READ(task, cred);
  READ_SPAN(effective, 16, cred, euid, egid);
  context->uid = READ_IN(effective, cred, euid.val);
  context->gid = READ_IN(effective, cred, egid.val);
  context->loginuid = loginuid_of(task);
  struct nsproxy *namespaces = READ(task, nsproxy);
  READ_SPAN(both, 32, namespaces, mnt_ns, net_ns);
  struct mnt_namespace *mounts = READ_IN(both, namespaces, mnt_ns);
  struct net *network = READ_IN(both, namespaces, net_ns);
  context->pid_namespace = pid_namespace_number(namespaces, own.namespace);
  context->mount_namespace = READ(mounts, ns.inum);
  context->network_namespace = READ(network, ns.inum);
  context->descriptor = 0;
  context->flags = 0;
  s->cut = 0;
  s->is_led = 0;
  context->directory = 0;
  context->resolved = 0;
  READ16(context->comm, task, comm);
  // Last, so that the verifier follows nothing else for each way to find it.
  struct kernfs_node *node = cgroup_of(s, task);
  s->cgroup_node = (u64)node;
  context->cgroup = PROBE(node, id);
  s->cgroup_key = cgroup_key(context->cgroup, s->is_v1);
}

/** True until a cgroup's path was sent. Cheap for the cgroup that this CPU saw last. */
INLINE int is_new_cgroup(struct scratch *s) {
  u64 key = s->cgroup_key;
  if (key == s->last_cgroup) return 0;
  if (bpf_map_lookup_elem(&cgroups_seen, &key)) {
    s->last_cgroup = key;
    return 0;
  }
  return context_of(s)->cgroup != 0;
}

INLINE void remember_cgroup(u64 key) {
  u8 yes = 1;
  bpf_map_update_elem(&cgroups_seen, &key, &yes, UPDATE_ANY);
}

/** The path of the cgroup `node` as one text parameter: names are found upwards and written downwards. */
INLINE void put_cgroup_path(struct scratch *s, struct kernfs_node *node) {
  u32 depth = 0;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MAX_CGROUP_DEPTH; i += 1) {
    struct kernfs_node *parent = parent_of(node);
    if (!parent) break;
    s->nodes[i] = (u64)node;
    depth = i + 1;
    node = parent;
  }
  u32 start = s->used;
  if (depth == 0) *position(s) = '/', s->used += 1;
  s->level = depth;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MAX_CGROUP_DEPTH; i += 1) {
    u32 at = s->level;
    if (at == 0) break;
    OPAQUE(at);
    at = (at - 1) & 31;
    s->level = at;
    if (is_full(s)) break;
    *position(s) = '/';
    s->used += 1;
    long length = bpf_probe_read_kernel_str(position(s), 256, (void *)PROBE((struct kernfs_node *)s->nodes[at], name));
    if (length > 1) s->used += length - 1;
  }
  *position(s) = 0;
  u32 length = s->used + 1 - start;
  s->used = start;
  end_param(s, length);
}

/** Sends the notice that tells user space which path a cgroup id stands for; one that is lost comes with the group's next event. Needs the context; begin() the event after it. */
INLINE void send_cgroup(struct scratch *s) {
  struct settings *settings = the_settings();
  if (!settings) return;
  u32 level = s->level;
  begin(s, NOTICE_CGROUP_MKDIR, 3);
  put_u64(s, context_of(s)->cgroup);
  put_cgroup_path(s, (struct kernfs_node *)s->cgroup_node);
  put_u8(s, s->is_v1);
  if (!send(s, bpf_ktime_get_boot_ns() + settings->epoch_offset_ns, context_of(s)->tid)) remember_cgroup(s->cgroup_key);
  s->level = level;
}
