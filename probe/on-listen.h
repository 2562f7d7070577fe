// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// TCP sockets that begin or cease to listen, by whatever way: a notice, and a listen event where no listen(2) tells it.
#pragma once
#include "network.h"
#include "registers.h"

// Sockets that listen without a port, by the thread that is in listen(2): it gets one at random after its state has changed.
struct {
  MAP_NUMBER(type, MAP_LRU_HASH);
  MAP_NUMBER(max_entries, 1024);
  MAP_TYPE(key, u32);
  MAP_TYPE(value, u64);
} nameless_listeners SEC(".maps");

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

/** Whose call it is: a worker of io_uring's has a name of its own and acts for the process whose thread it is. */
INLINE struct task_struct *acting(struct task_struct *task) {
  return READ(task, flags) & (PF_IO_WORKER | PF_USER_WORKER) ? READ(task, group_leader) : task;
}

/** Sends the notice. The context's namespace becomes the socket's own: a task at its end has none left, and one that moved has another. */
INLINE void send_state(struct scratch *s, struct sock *sk, s32 old, s32 new, u64 now) {
  context_of(s)->network_namespace = PROBE(sk, __sk_common.skc_net.net, ns.inum);
  s->next_state = new;
  begin(s, NOTICE_INET_SOCK_SET_STATE, 3);
  put_u64(s, identity_of(s, sk));
  put_u8(s, old);
  put_u8(s, new);
  append_socket(s, sk);
  send(s, now, context_of(s)->tid);
}

HOOK("sock", "inet_sock_set_state")
int inet_sock_set_state(u64 *ctx) {
  struct sock *sk = SOCKET_CHANGED;
  s32 old = STATE_BEFORE, new = STATE_AFTER;
  // A connection being made starts as its listener's copy: it leaves the state LISTEN too, but to SYN_RECV.
  if (new != TCP_LISTEN && (old != TCP_LISTEN || new != TCP_CLOSE)) return 0;
  struct settings *settings = the_settings();
  struct task_struct *task = current_task();
  if (!settings || READ(task, tgid) == settings->own_pid) return 0;
  struct scratch *s = take_scratch(SCRATCH_OTHER, 0);
  if (!s) return 0;
  put_context(s, acting(task));
  if (is_new_cgroup(s)) send_cgroup(s);
  u32 network_namespace = context_of(s)->network_namespace;
  u64 now = bpf_ktime_get_boot_ns() + settings->epoch_offset_ns;
  send_state(s, sk, old, new, now);
  u32 is_in_call = is_in_listen(task);
  if (new == TCP_LISTEN && is_in_call && !local_port(sk)) {
    u32 tid = READ(task, pid);
    u64 address = (u64)sk;
    bpf_map_update_elem(&nameless_listeners, &tid, &address, UPDATE_ANY);
  }
  u32 is_listen = new == TCP_LISTEN && settings->enabled[EVENT_LISTEN];
  if (is_listen && !(READ(task, flags) & PF_KTHREAD) && !is_in_call) {
    context_of(s)->network_namespace = network_namespace;
    context_of(s)->descriptor = 0;
    begin(s, EVENT_LISTEN, 3);
    put_u64(s, 0);
    put_u64(s, -1);
    put_u32(s, 0);
    append_socket(s, sk);
    send(s, now, context_of(s)->tid);
  }
  s->next_state = 0;
  s->busy = 0;
  return 0;
}

/** At the end of listen(2): a second notice where the first could not tell the port. */
INLINE void name_listener(struct task_struct *task, struct settings *settings) {
  u32 tid = READ(task, pid);
  u64 *address = bpf_map_lookup_elem(&nameless_listeners, &tid);
  if (!address) return;
  struct sock *sk = (struct sock *)*address;
  bpf_map_delete_elem(&nameless_listeners, &tid);
  if (PROBE(sk, __sk_common.skc_state) != TCP_LISTEN || !local_port(sk)) return;
  struct scratch *s = take_scratch(SCRATCH_OTHER, 0);
  if (!s) return;
  put_context(s, task);
  send_state(s, sk, TCP_LISTEN, TCP_LISTEN, bpf_ktime_get_boot_ns() + settings->epoch_offset_ns);
  s->next_state = 0;
  s->busy = 0;
}
