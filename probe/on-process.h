// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The scheduler's tracepoints: a successful execve, the child's side of clone, the end of a process.
#pragma once
#include "hooks.h"
#include "processes.h"

// Processes whose end was told, by start time and id: two threads that exit at once may both look like the last.
struct {
  MAP_NUMBER(type, MAP_LRU_HASH);
  MAP_NUMBER(max_entries, 1024);
  MAP_TYPE(key, u64);
  MAP_TYPE(value, u8);
} processes_ended SEC(".maps");

/** A scratch with `task`'s context for an event of `code`; null when it is not wanted. */
INLINE struct scratch *open_process_event(struct task_struct *task, u32 code) {
  struct settings *settings = the_settings();
  if (!settings || !settings->enabled[code]) return NULL;
  if (READ(task, flags) & PF_KTHREAD || READ(task, tgid) == settings->own_pid) return NULL;
  struct scratch *s = take_scratch(SCRATCH_PROCESS, code);
  if (!s) return NULL;
  put_context(s, task);
  if (is_new_cgroup(s)) send_cgroup(s);
  return s;
}

/** Appends where the words that named the program led, and the executable's whole path: of a script its interpreter's. */
INLINE void append_program(struct scratch *s, struct task_struct *task, u64 actor, u32 may_be_script) {
  struct file *file = PROBE(task, mm, exe_file);
  struct call_paths *paths = bpf_map_lookup_elem(&call_paths, &actor);
  if (paths && paths->act != ACT_EXEC) paths = NULL;
  walk(s, place_of(s, file), 1);
  u32 at = s->walk_at;
  OPAQUE(at);
  u32 is_path = s->walk[at & (WALK_SIZE - 1)] == '/';
  u32 is_script = paths && paths->lengths[0] != WALK_SIZE - s->walk_at;
  if (is_path && !is_full(s) && (is_script || !is_as_passed(s))) {
    context_of(s)->resolved = begin_section(s);
    if (paths) append_kept(s, paths, 0);
    else if (may_be_script) append_no_path(s);
    else append_prefixed_walk(s);
    append_prefixed_walk(s);
    if (paths && paths->is_cut) mark_truncated(s, CUT_PATH);
  }
  if (paths) bpf_map_delete_elem(&call_paths, &actor);
}

HOOK("sched", "sched_process_exec")
int process_exec(u64 *ctx) {
  struct task_struct *task = current_task();
  struct scratch *s = open_process_event(task, EVENT_EXECVE);
  if (!s) return 0;
  begin(s, EVENT_EXECVE, EXEC_PARAMS);
  put_u64(s, 0);
  put_mm_args(s, PROBE(task, mm));
  put_process(s, task);
  put_mm_environment(s, PROBE(task, mm));
  put_program(s, task);
  s->passed_at = s->used;
  put_kernel_text(s, EXEC_FILENAME);
  s->passed_length = s->used - s->passed_at;
  append_program(s, task, EXEC_OLD_PID, EXEC_MAY_BE_SCRIPT);
  finish(s);
  return 0;
}

/** The CLONE_* flags (scap's) that made `child`, as far as what both share tells them. */
INLINE u32 shared_with(struct task_struct *child, struct task_struct *parent) {
  struct nsproxy *own = PROBE(child, nsproxy);
  struct nsproxy *other = PROBE(parent, nsproxy);
  u32 flags = 0;
  if (PROBE(child, mm) == PROBE(parent, mm)) flags |= 0x8000;
  if (PROBE(child, files) == PROBE(parent, files)) flags |= 1;
  if (PROBE(child, fs) == PROBE(parent, fs)) flags |= 2;
  if (PROBE(child, cred, user_ns) != PROBE(parent, cred, user_ns)) flags |= 0x100000;
  if (PROBE(child, thread_pid, level) != PROBE(parent, thread_pid, level)) flags |= 0x40;
  if (own == other) return flags;
  if (PROBE(own, mnt_ns) != PROBE(other, mnt_ns)) flags |= 0x20;
  if (PROBE(own, net_ns) != PROBE(other, net_ns)) flags |= 0x10;
  if (PROBE(own, ipc_ns) != PROBE(other, ipc_ns)) flags |= 8;
  if (PROBE(own, uts_ns) != PROBE(other, uts_ns)) flags |= 0x80;
  if (PROBE(own, cgroup_ns) != PROBE(other, cgroup_ns)) flags |= 0x10000000;
  return flags;
}

HOOK("sched", "sched_process_fork")
int process_fork(u64 *ctx) {
  struct task_struct *parent = current_task();
  struct task_struct *child = FORKED_CHILD;
  // Threads are no events.
  if (!child || READ(child, pid) != READ(child, tgid)) return 0;
  struct scratch *s = open_process_event(child, EVENT_CLONE);
  if (!s) return 0;
  begin(s, EVENT_CLONE, CLONE_PARAMS);
  put_u64(s, 0);
  // The child's memory is still a copy of the parent's, and only the parent's can be read here.
  put_mm_args(s, PROBE(current_task(), mm));
  put_process(s, child);
  put_clone_rest(s, child, shared_with(child, parent));
  finish(s);
  return 0;
}

HOOK("sched", "sched_process_exit")
int process_exit(u64 *ctx) {
  struct task_struct *task = current_task();
  if (READ(task, signal, live.counter) != 0) return 0;
  u64 key = READ(task, group_leader, start_boottime) ^ (u64)READ(task, tgid) << 40;
  u8 yes = 1;
  if (bpf_map_update_elem(&processes_ended, &key, &yes, UPDATE_NOEXIST) != 0) return 0;
  struct scratch *s = open_process_event(task, EVENT_PROCEXIT);
  if (!s) return 0;
  // What wait() tells: how the whole group was ended, or else how its leader ended, perhaps long ago.
  u32 in_group = READ(task, signal, flags) & SIGNAL_GROUP_EXIT;
  u32 status = in_group ? READ(task, signal, group_exit_code) : READ(task, group_leader, exit_code);
  u32 signal = status & 0x7f;
  struct list_head *children = &task->children;
  u32 has_children = (u64)PROBE(task, children.next) != (u64)children;
  struct task_struct *reaper = PROBE((struct pid_namespace *)s->namespace, child_reaper);
  // Where its namespace's first process ends, nobody is left for the children, and they end with it.
  u32 is_left = has_children && PROBE(reaper, tgid) != READ(task, tgid);
  begin(s, EVENT_PROCEXIT, 5);
  put_u64(s, (s64)(s32)status);
  put_u64(s, status >> 8 & 0xff);
  put_u8(s, signal);
  put_u8(s, signal && status & 0x80);
  put_u64(s, is_left ? PROBE(reaper, pid) : 0);
  finish(s);
  return 0;
}
