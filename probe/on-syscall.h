// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// sys_exit: finds the event of a syscall, fills the context, and hands over to the program that knows the parameters:
//   sys_exit ─▶ (ask the file) ─▶ (cgroup, when it is new) ─▶ simple │ open ─▶ opened │ network │ exec │ clone │ message │ other │ ipc │ transfer ─▶ sections (─▶ transfer, of the next message)
// All of them share this CPU's SCRATCH_SYSCALL; whoever ends the chain frees it.
#pragma once
#include "chain.h"
#include "filter.h"
#include "messages.h"
#include "network.h"
#include "on-listen.h"
#include "open.h"
#include "other.h"
#include "processes.h"
#include "registers.h"
#include "simple.h"
#include "transfers.h"

handler exit_simple, exit_open, exit_network, exit_exec, exit_clone, exit_message, exit_other, exit_sections, exit_cgroup, exit_opened, exit_ask_file, exit_transfer, exit_ipc;

struct {
  MAP_NUMBER(type, MAP_PROG_ARRAY);
  MAP_NUMBER(max_entries, HANDLERS);
  MAP_NUMBER(key_size, 4);
  MAP_VALUES(values, handler);
} handlers SEC(".maps") = {
  .values = {
    [HANDLER_SIMPLE] = &exit_simple,
    [HANDLER_OPEN] = &exit_open,
    [HANDLER_SOCKET] = &exit_network,
    [HANDLER_EXEC] = &exit_exec,
    [HANDLER_CLONE] = &exit_clone,
    [HANDLER_MESSAGE] = &exit_message,
    [HANDLER_OTHER] = &exit_other,
    [HANDLER_SECTIONS] = &exit_sections,
    [HANDLER_CGROUP] = &exit_cgroup,
    [HANDLER_OPENED] = &exit_opened,
    [HANDLER_ASK_FILE] = &exit_ask_file,
    [HANDLER_TRANSFER] = &exit_transfer,
    [HANDLER_IPC] = &exit_ipc,
  },
};

/** Old i386 programs make their socket calls through one syscall: a call number and a pointer to its arguments. */
INLINE u32 unfold_socketcall(struct scratch *s) {
  u32 call = s->args[0];
  u32 values[6] = {};
  bpf_probe_read_user(values, sizeof(values), (void *)s->args[1]);
  for (u32 i = 0; i < 6; i += 1) s->args[i] = values[i];
  switch (call) {
  case 1: return FOUND(EVENT_SOCKET, HANDLER_SOCKET);
  case 2: return FOUND(EVENT_BIND, HANDLER_SOCKET);
  case 3: return FOUND(EVENT_CONNECT, HANDLER_SOCKET);
  case 4: return FOUND(EVENT_LISTEN, HANDLER_SOCKET);
  case 5: return FOUND(EVENT_ACCEPT, HANDLER_SOCKET);
  case 6: return FOUND(EVENT_GETSOCKNAME, HANDLER_SIMPLE);
  case 7: return FOUND(EVENT_GETPEERNAME, HANDLER_SIMPLE);
  case 8: return FOUND(EVENT_SOCKETPAIR, HANDLER_IPC);
  case 9: return FOUND(EVENT_SEND, HANDLER_TRANSFER);
  case 10: return FOUND(EVENT_RECV, HANDLER_TRANSFER);
  case 11: return FOUND(EVENT_SENDTO, HANDLER_MESSAGE);
  case 12: return FOUND(EVENT_RECVFROM, HANDLER_MESSAGE);
  case 13: return FOUND(EVENT_SHUTDOWN, HANDLER_SIMPLE);
  case 14: return FOUND(EVENT_SETSOCKOPT, HANDLER_OTHER);
  case 15: return FOUND(EVENT_GETSOCKOPT, HANDLER_OTHER);
  case 16: return FOUND(EVENT_SENDMSG, HANDLER_MESSAGE);
  case 17: return FOUND(EVENT_RECVMSG, HANDLER_MESSAGE);
  case 18: return FOUND(EVENT_ACCEPT4, HANDLER_SOCKET);
  case 19: return FOUND(EVENT_RECVMMSG, HANDLER_TRANSFER);
  case 20: return FOUND(EVENT_SENDMMSG, HANDLER_TRANSFER);
  default: return 0;
  }
}

/** True for calls of a wanted event that are none: seen from their other side, a new thread, a fcntl() that makes no descriptor. */
INLINE u32 is_silent(struct passed from, u32 code, u32 handler, s64 result) {
  if (handler == HANDLER_EXEC) return result == 0;
  if (handler == HANDLER_CLONE) return result == 0 || linux_clone_flags(code, passed_argument(from, 0)) & LINUX_CLONE_THREAD;
  if (code != EVENT_FCNTL) return 0;
  u64 command = passed_argument(from, 1);
  return command != F_DUPFD && command != F_DUPFD_CLOEXEC;
}

/** Hands a wanted call over to the program that knows its event; returns when there is none. */
INLINE void tell_call_of(u64 *ctx, struct scratch *s, struct task_struct *task) {
  put_context(s, task);
  if (s->is_compat) context_of(s)->flags |= FLAG_COMPAT;
  if (is_new_cgroup(s)) bpf_tail_call(ctx, &handlers, HANDLER_CGROUP);
  bpf_tail_call(ctx, &handlers, s->handler);
}

INLINE void tell_call(u64 *ctx, struct scratch *s) {
  tell_call_of(ctx, s, current_task());
}

INLINE void keep_call(u32 code) {
  COUNT_OUTCOME(code, filtered);
  forget_call_paths(code, calling_thread());
}

/** Tells the call in the scratch, or keeps it. */
INLINE void end_call(u64 *ctx, struct scratch *s, struct task_struct *task, u32 wanted) {
  if (wanted == CALL_ASKS_FILE) bpf_tail_call(ctx, &handlers, HANDLER_ASK_FILE);
  else if (wanted == CALL_WANTED) tell_call_of(ctx, s, task);
  else keep_call(s->code);
  s->busy = 0;
}

/** Takes the scratch for a call. */
INLINE struct scratch *open_call(struct pt_regs *regs, u32 compat, struct call *call, s64 result) {
  struct scratch *s = take_scratch(SCRATCH_SYSCALL, call->code);
  if (!s) return NULL;
  read_args(s, regs, compat);
  s->args[ARG_RESULT] = result;
  s->code = call->code;
  s->handler = call->handler;
  s->is_compat = compat != 0;
  s->call_id = call->id;
  s->call_native = call->native;
  s->call_number = syscall_number(regs);
  s->message_index = 0;
  return s;
}

/** One of the calls on sockets of old i386 programs: which one it is stands in the arguments. */
INLINE int exit_socketcall(u64 *ctx, struct call *call, struct settings *settings) {
  struct scratch *s = open_call(EXIT_REGISTERS, 1, call, EXIT_RESULT);
  if (!s) return 0;
  u32 found = unfold_socketcall(s);
  s->code = found >> 16;
  s->handler = found;
  if (settings->enabled[(found >> 16) & (CODES - 1)]) end_call(ctx, s, current_task(), is_told_call_wanted(s, current_task()));
  else s->busy = 0;
  return 0;
}

HOOK("raw_syscalls", "sys_exit")
int sys_exit(u64 *ctx) {
  struct pt_regs *regs = EXIT_REGISTERS;
  struct task_struct *task = trusted_task();
  u32 compat = is_compat(task);
  struct call *call = find_call(syscall_number(regs), compat);
  if (!call || !call->code) return 0;
  struct settings *settings = the_settings();
  if (!settings || READ(task, tgid) == settings->own_pid) return 0;
  u32 code = call->code, handler = call->handler;
  s64 result = EXIT_RESULT;
  if ((code == EVENT_LISTEN || handler == HANDLER_SOCKETCALL) && !result) name_listener(current_task(), settings);
  if (handler == HANDLER_SOCKETCALL) return exit_socketcall(ctx, call, settings);
  struct passed from = { .regs = regs, .compat = compat };
  if (is_silent(from, code, handler, result)) return 0;
  struct call_filter *filter = the_filter();
  u32 row = row_of(filter, code), clauses = ~0u;
  if (filter && row) {
    clauses = clauses_of_kinds(filter, row, kinds_of_call(from, code, handler, result));
    // While another filter takes this one's place nothing is left out.
    if (!clauses && *(volatile u32 *)&filter->is_active) {
      keep_call(code);
      return 0;
    }
  }
  struct scratch *s = open_call(regs, compat, call, result);
  if (!s) return 0;
  end_call(ctx, s, task, filter && row ? is_call_wanted(s, task, filter, clauses) : CALL_WANTED);
  return 0;
}

#define EXIT_LINK(name, next, ...) LINK_PARAMETERS(HOOK("raw_syscalls", "sys_exit"), name, SCRATCH_SYSCALL, handlers, next, __VA_ARGS__)
#define EXIT_HANDLER(name, ...) EXIT_LINK(name, HANDLER_SECTIONS, __VA_ARGS__)

LINK_CGROUP(HOOK("raw_syscalls", "sys_exit"), exit_cgroup, SCRATCH_SYSCALL, handlers)
EXIT_LINK(exit_simple, next_of_simple(s), put_simple(s))
EXIT_LINK(exit_open, HANDLER_OPENED, put_open(s))
LINK_ASK_FILE(HOOK("raw_syscalls", "sys_exit"), exit_ask_file, SCRATCH_SYSCALL, tell_call)
EXIT_HANDLER(exit_opened, append_resolved(s))
EXIT_HANDLER(exit_network, put_network(s))
EXIT_HANDLER(exit_exec, put_failed_exec(s, current_task()))
EXIT_HANDLER(exit_clone, put_clone(s, current_task()))
EXIT_HANDLER(exit_message, put_message(s))
EXIT_HANDLER(exit_other, put_other(s))
EXIT_HANDLER(exit_ipc, put_ipc(s))
EXIT_HANDLER(exit_transfer, put_transfer(s))

/** The last program: adds the sections, sends, and goes back where there is another message. */
HOOK("raw_syscalls", "sys_exit")
int exit_sections(u64 *ctx) {
  struct scratch *s = the_scratch(SCRATCH_SYSCALL);
  struct settings *settings = the_settings();
  if (!s || !settings) return 0;
  append_sections(s);
  send(s, bpf_ktime_get_boot_ns() + settings->epoch_offset_ns, context_of(s)->tid);
  if (has_next_message(s)) bpf_tail_call(ctx, &handlers, HANDLER_TRANSFER);
  s->busy = 0;
  return 0;
}
