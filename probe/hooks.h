// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What the programs hang on, and what they get from there: a tracepoint's arguments (tp_btf, raw_tp), or with -DCLASSIC its record as
// perf and ftrace see it. Linux 7 lets tasks be preempted within programs of the first two types and then skips them for everybody else
// on that processor; never within classic ones.
#pragma once
#include "kernel.h"

#if defined(CLASSIC)
#define HOOK(group, name) SEC("tracepoint/" group "/" name)
#define REQUEST_HOOK(name) SEC("?tracepoint/io_uring/" name)
#elif defined(RAW_TP)
#define HOOK(group, name) SEC("raw_tp/" name)
#define REQUEST_HOOK(name) SEC("?raw_tp/" name)
#else
#define HOOK(group, name) SEC("tp_btf/" name)
// raw_tp in both objects: tail calls demand one type of all, and here two tracepoints share them.
#define REQUEST_HOOK(name) SEC("?raw_tp/" name)
#endif

#if defined(CLASSIC)
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct trace_event_raw_sys_exit { long ret; };
struct trace_event_raw_sched_process_exec { u32 __data_loc_filename; s32 old_pid; };
struct trace_event_raw_sched_process_fork { s32 child_pid; };
struct trace_event_raw_cgroup { s32 root; u64 id; u32 __data_loc_path; };
struct trace_event_raw_inet_sock_set_state { const void *skaddr; s32 oldstate, newstate; };
struct trace_event_raw_io_uring_submit_req { void *req; };
struct trace_event_raw_io_uring_complete { void *ctx, *req; u64 user_data; s32 res; };
struct trace_event_raw_io_uring_cqe_overflow { void *ctx; u64 user_data; };
#pragma clang attribute pop

#define RECORD(name) ((struct trace_event_raw_##name *)ctx)
/** A text of the record: where it stands is in the lower half. */
#define RECORD_TEXT(name, field) ((u8 *)ctx + (RECORD(name)->__data_loc_##field & 0xffff))
#define EXIT_RESULT RECORD(sys_exit)->ret
#define EXIT_REGISTERS registers_of(current_task())
#define EXEC_FILENAME RECORD_TEXT(sched_process_exec, filename)
/** Not 0 when the file that was named is perhaps run by another one. */
#define EXEC_MAY_BE_SCRIPT 1
/** The thread that called, before it took its process's number. */
#define EXEC_OLD_PID (u32)RECORD(sched_process_exec)->old_pid
#define FORKED_CHILD last_child(RECORD(sched_process_fork)->child_pid)
#define SOCKET_CHANGED ((struct sock *)RECORD(inet_sock_set_state)->skaddr)
#define STATE_BEFORE RECORD(inet_sock_set_state)->oldstate
#define STATE_AFTER RECORD(inet_sock_set_state)->newstate
#define SUBMITTED ((struct io_kiocb *)RECORD(io_uring_submit_req)->req)
#define COMPLETED ((struct io_kiocb *)RECORD(io_uring_complete)->req)
#define COMPLETED_RING (u64)RECORD(io_uring_complete)->ctx
#define COMPLETED_NUMBER RECORD(io_uring_complete)->user_data
#define COMPLETED_RESULT RECORD(io_uring_complete)->res
#define OVERFLOWN_RING (u64)RECORD(io_uring_cqe_overflow)->ctx
#define OVERFLOWN_NUMBER RECORD(io_uring_cqe_overflow)->user_data

enum { CHILDREN_MAX = 16 };

/** The child `pid` that the current task has just made, or one for its own parent (CLONE_PARENT); null for a thread. */
INLINE struct task_struct *last_child(s32 pid) {
  struct task_struct *parent = current_task();
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < 2; i += 1) {
    struct list_head *head = &parent->children, *entry = PROBE(parent, children.prev);
#pragma clang loop unroll(disable)
    for (u32 k = 0; k < CHILDREN_MAX && entry && entry != head; k += 1) {
      struct task_struct *child = (struct task_struct *)((u64)entry - FIELD_OFFSET(struct task_struct, sibling));
      if (PROBE(child, pid) == pid) return child;
      entry = PROBE(entry, prev);
    }
    parent = PROBE(parent, real_parent);
  }
  return NULL;
}
#else
#define EXIT_RESULT ctx[1]
#define EXIT_REGISTERS ((struct pt_regs *)ctx[0])
#define EXEC_FILENAME PROBE((struct linux_binprm *)ctx[2], filename)
#define EXEC_OLD_PID (u32)ctx[1]
#define EXEC_MAY_BE_SCRIPT (PROBE((struct linux_binprm *)ctx[2], interp) != PROBE((struct linux_binprm *)ctx[2], filename))
#define FORKED_CHILD ((struct task_struct *)ctx[1])
#define SOCKET_CHANGED ((struct sock *)ctx[0])
#define STATE_BEFORE ctx[1]
#define STATE_AFTER ctx[2]
#define SUBMITTED ((struct io_kiocb *)ctx[0])
#define COMPLETED ((struct io_kiocb *)ctx[1])
#define COMPLETED_RING ctx[0]
// Of an entry of the queue, where there is no request.
#define COMPLETED_NUMBER PROBE((struct io_uring_cqe *)ctx[2], user_data)
#define COMPLETED_RESULT PROBE((struct io_uring_cqe *)ctx[2], res)
#define OVERFLOWN_RING ctx[0]
#define OVERFLOWN_NUMBER ctx[1]
#endif
