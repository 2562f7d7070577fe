// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// TCP sockets that begin or cease to listen, by whatever way: a notice, and a listen event where no listen(2) tells it.
#pragma once
#include "network.h"
#include "registers.h"

/** A number that stays the same while the socket lives and gives no kernel address away. */
INLINE u64 identity_of(struct scratch *s, struct sock *sk) {
  // Through memory, since the verifier allows no arithmetic on the pointer itself.
  *(volatile u64 *)&s->args[0] = (u64)sk;
  u64 hash = *(volatile u64 *)&s->args[0] * 0x9e3779b97f4a7c15ULL;
  return (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9ULL;
}

/** True while the current task is in listen(2), whose exit will be an event. */
INLINE u32 is_in_listen(struct task_struct *task) {
  if (READ(task, flags) & PF_IO_WORKER) return 0;
  u32 number = 0;
  struct pt_regs *regs = registers_of(task);
#if defined(__TARGET_ARCH_x64)
  number = PROBE(regs, orig_ax);
#else
  number = PROBE(regs, syscallno);
#endif
  return is_compat(task) ? number == COMPAT_LISTEN || number == COMPAT_SOCKETCALL : number == SYSCALL_LISTEN;
}

HOOK("inet_sock_set_state")
int inet_sock_set_state(u64 *ctx) {
  struct sock *sk = (struct sock *)ctx[0];
  s32 old = ctx[1], new = ctx[2];
  // A connection being made starts as its listener's copy: it leaves the state LISTEN too, but to SYN_RECV.
  if (new != TCP_LISTEN && (old != TCP_LISTEN || new != TCP_CLOSE)) return 0;
  struct settings *settings = the_settings();
  struct task_struct *task = current_task();
  if (!settings || READ(task, tgid) == settings->own_pid) return 0;
  struct scratch *s = take_scratch(SCRATCH_OTHER, 0);
  if (!s) return 0;
  put_context(s, task);
  if (is_new_cgroup(s)) send_cgroup(s);
  // The socket's own network namespace: a task at its end has none left, and one that moved has another.
  u32 network_namespace = context_of(s)->network_namespace;
  context_of(s)->network_namespace = PROBE(sk, __sk_common.skc_net.net, ns.inum);
  begin(s, NOTICE_INET_SOCK_SET_STATE, 3);
  put_u64(s, identity_of(s, sk));
  put_u8(s, old);
  put_u8(s, new);
  append_socket(s, sk);
  u64 now = bpf_ktime_get_boot_ns() + settings->epoch_offset_ns;
  send(s, now, context_of(s)->tid);
  u32 is_listen = new == TCP_LISTEN && settings->enabled[EVENT_LISTEN];
  if (is_listen && !(READ(task, flags) & PF_KTHREAD) && !is_in_listen(task)) {
    context_of(s)->network_namespace = network_namespace;
    context_of(s)->descriptor = 0;
    begin(s, EVENT_LISTEN, 3);
    put_u64(s, 0);
    put_u64(s, -1);
    put_u32(s, 0);
    append_socket(s, sk);
    COUNT_OUTCOME(EVENT_LISTEN, seen);
    send(s, now, context_of(s)->tid);
  }
  s->busy = 0;
  return 0;
}
