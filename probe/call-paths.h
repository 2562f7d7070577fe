// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Where the paths of calls lead that name a file and leave no descriptor of it. Only while the kernel acts is that to be seen, so what
// on-path.h finds then is kept until the call's end, and told with its event: both paths from the root of all mounts.
#pragma once
#include "paths.h"
#include "syscalls.h"

/** What a call does; the paths of one are no other's. */
enum { ACT_NONE, ACT_RENAME, ACT_LINK, ACT_SYMLINK, ACT_UNLINK, ACT_MKDIR, ACT_CHMOD, ACT_CHOWN, ACT_EXEC };

#define PATH_CALLS(ROW)                                                                                                            \
  ROW(ACT_RENAME, EVENT_RENAME)                                                                                                    \
  ROW(ACT_RENAME, EVENT_RENAMEAT)                                                                                                  \
  ROW(ACT_RENAME, EVENT_RENAMEAT2)                                                                                                 \
  ROW(ACT_LINK, EVENT_LINK)                                                                                                        \
  ROW(ACT_LINK, EVENT_LINKAT)                                                                                                      \
  ROW(ACT_SYMLINK, EVENT_SYMLINK)                                                                                                  \
  ROW(ACT_SYMLINK, EVENT_SYMLINKAT)                                                                                                \
  ROW(ACT_UNLINK, EVENT_UNLINK)                                                                                                    \
  ROW(ACT_UNLINK, EVENT_UNLINKAT)                                                                                                  \
  ROW(ACT_UNLINK, EVENT_RMDIR)                                                                                                     \
  ROW(ACT_MKDIR, EVENT_MKDIR)                                                                                                      \
  ROW(ACT_MKDIR, EVENT_MKDIRAT)                                                                                                    \
  ROW(ACT_CHMOD, EVENT_CHMOD)                                                                                                      \
  ROW(ACT_CHMOD, EVENT_FCHMODAT)                                                                                                   \
  ROW(ACT_CHOWN, EVENT_CHOWN)                                                                                                      \
  ROW(ACT_CHOWN, EVENT_LCHOWN)                                                                                                     \
  ROW(ACT_CHOWN, EVENT_FCHOWNAT)                                                                                                   \
  ROW(ACT_EXEC, EVENT_EXECVE)

INLINE u32 act_of(u32 code) {
#define ACT_OF(act, event) case event: return act;
  switch (code) {
    PATH_CALLS(ACT_OF)
  default:
    return ACT_NONE;
  }
#undef ACT_OF
}

/** Not 0 when an event of these calls is wanted. */
INLINE u32 is_act_enabled(struct settings *settings, const u32 wanted) {
#define IS_ENABLED(act, event) if (act == wanted && settings->enabled[event]) return 1;
  PATH_CALLS(IS_ENABLED)
#undef IS_ENABLED
  return 0;
}

// By who acts; a call whose end nobody wants leaves its paths behind, which the next one's take the place of.
struct {
  MAP_NUMBER(type, MAP_LRU_HASH);
  MAP_NUMBER(max_entries, 1024);
  MAP_TYPE(key, u64);
  MAP_TYPE(value, struct call_paths);
} call_paths SEC(".maps");

/** Who acts: a thread, or the io_uring request (by its address) that a thread of the kernel is at. */
INLINE u64 actor_of(struct task_struct *task) {
  if (!(PROBE(task, flags) & PF_IO_WORKER) || !FIELD_EXISTS(struct task_struct, worker_private)) return PROBE(task, pid);
  struct io_worker *worker = PROBE(task, worker_private);
  return (u64)PROBE(worker, cur_work) - FIELD_OFFSET(struct io_kiocb, work);
}

/** Not 0 when what was walked lies below its mount: what lies in no tree has a name alone, what lies elsewhere two slashes. */
INLINE u32 is_in_tree(struct scratch *s) {
  u32 at = s->walk_at;
  OPAQUE(at);
  return s->walk[at & (WALK_SIZE - 1)] == '/' && (at >= WALK_SIZE - 1 || s->walk[(at + 1) & (WALK_SIZE - 1)] != '/');
}

/** Keeps a whole path in the scratch; of one that is too long its end. */
INLINE void keep_path(struct scratch *s, const u32 which, struct dentry *dentry, struct vfsmount *mnt) {
  s->cut = 0;
  walk(s, (struct place){ .dentry = dentry, .mnt = mnt }, !s->paths.is_layer);
  u32 at = s->walk_at;
  u32 length = WALK_SIZE - at;
  if (length > KEPT_PATH - 1) {
    length = KEPT_PATH - 1;
    at = WALK_SIZE - length;
    s->cut |= CUT_PATH;
  }
  if (s->cut & CUT_PATH) s->paths.is_cut = 1;
  OPAQUE(at);
  at &= WALK_SIZE - 1;
  if (!(s->cut & CUT_PATH) && !is_in_tree(s)) length = 0;
  s->paths.lengths[which] = length;
  OPAQUE(length);
  bpf_probe_read_kernel(s->paths.texts[which], length & (KEPT_PATH - 1), s->walk + at);
}

/** The scratch for the paths of a call. */
INLINE struct scratch *begin_paths(u32 act) {
  struct scratch *s = take_scratch(SCRATCH_PATH, 0);
  if (!s) return NULL;
  s->paths.act = act;
  s->paths.is_cut = s->paths.is_layer = s->paths.lengths[0] = s->paths.lengths[1] = 0;
  s->paths.inode = s->paths.mount = 0;
  return s;
}

/** The same; null when none is wanted. */
INLINE struct scratch *open_paths(const u32 act) {
  struct settings *settings = the_settings();
  if (!settings || !is_act_enabled(settings, act)) return NULL;
  return PROBE(current_task(), tgid) == settings->own_pid ? NULL : begin_paths(act);
}

INLINE void close_paths(struct scratch *s) {
  u64 actor = actor_of(current_task());
  bpf_map_update_elem(&call_paths, &actor, &s->paths, UPDATE_ANY);
  s->busy = 0;
}

INLINE u64 calling_thread(void) {
  struct task_struct *task = current_task();
  return READ(task, pid);
}

INLINE u64 actor_of_call(struct scratch *s) {
  return s->is_request ? s->request.address : calling_thread();
}

INLINE struct dentry *first_name_of(struct inode *inode) {
  struct hlist_node *node = PROBE(inode, i_dentry.first);
  if (!node) return NULL;
  if (FIELD_EXISTS(struct dentry, d_u.d_alias)) return (struct dentry *)((u64)node - FIELD_OFFSET(struct dentry, d_u.d_alias));
  if (!FIELD_EXISTS(struct dentry___from_7, d_alias)) return NULL;
  return (struct dentry *)((u64)node - FIELD_OFFSET(struct dentry___from_7, d_alias));
}

INLINE void append_no_path(struct scratch *s) {
  *(u16 *)position(s) = 0;
  s->used += 2;
}

INLINE void append_kept(struct scratch *s, struct call_paths *paths, const u32 which) {
  u32 length = paths->lengths[which];
  OPAQUE(length);
  length &= KEPT_PATH - 1;
  *(u16 *)position(s) = length;
  s->used += 2;
  bpf_probe_read_kernel(position(s), length, paths->texts[which]);
  s->used += length;
}

/** Appends where the paths of a call that was done led. */
INLINE void append_call_paths(struct scratch *s, u64 actor) {
  struct call_paths *paths = bpf_map_lookup_elem(&call_paths, &actor);
  if (!paths) return;
  if (paths->act == act_of(s->code) && !is_full(s)) {
    if (paths->is_cut) mark_truncated(s, CUT_PATH);
    else s->is_led = 1;
    context_of(s)->resolved = begin_section(s);
    append_kept(s, paths, 0);
    if (paths->inode) {
      struct dentry *dentry = first_name_of((struct inode *)paths->inode);
      walk(s, (struct place){ .dentry = dentry, .mnt = (struct vfsmount *)paths->mount }, !paths->is_layer);
      if (is_in_tree(s)) append_prefixed_walk(s);
      else append_no_path(s);
    } else append_kept(s, paths, 1);
  }
  bpf_map_delete_elem(&call_paths, &actor);
}

/** Forgets the paths of a call whose event is left out. */
INLINE void forget_call_paths(u32 code, u64 actor) {
  if (act_of(code)) bpf_map_delete_elem(&call_paths, &actor);
}
