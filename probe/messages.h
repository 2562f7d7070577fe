// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// sendto, sendmsg, recvfrom, recvmsg.
#pragma once
#include "buffers.h"
#include "network.h"

/** A part of the message in the scratch: there, the verifier forgets by which of the ways it came about. */
#define MESSAGE(s, part) (*(volatile typeof((s)->message.part) *)&(s)->message.part)
#define CODE(s) (*(volatile u16 *)&(s)->code)

/** struct user_msghdr: pointers and sizes are of the caller's width. */
INLINE void read_message(struct scratch *s, u64 at) {
  u64 header[6] = {};
  u32 compat = s->is_compat;
  bpf_probe_read_user(header, sizeof(header), (void *)at);
  MESSAGE(s, peer) = compat ? (u32)header[0] : header[0];
  MESSAGE(s, peer_size) = compat ? header[0] >> 32 : header[1];
  MESSAGE(s, row) = compat ? (u32)header[1] : header[2];
  MESSAGE(s, count) = compat ? header[1] >> 32 : header[3];
  MESSAGE(s, control) = compat ? (u32)header[2] : header[4];
  MESSAGE(s, control_size) = compat ? header[2] >> 32 : header[5];
  MESSAGE(s, size) = size_of_buffers(s);
}

INLINE void take_message(struct scratch *s) {
  if (CODE(s) == EVENT_SENDMSG || CODE(s) == EVENT_RECVMSG) return read_message(s, s->args[1]);
  MESSAGE(s, peer) = s->args[4];
  MESSAGE(s, peer_size) = s->args[5];
  MESSAGE(s, data) = s->args[1];
  MESSAGE(s, data_size) = MESSAGE(s, size) = s->args[2];
  MESSAGE(s, row) = MESSAGE(s, count) = 0;
  if (CODE(s) == EVENT_RECVFROM) {
    u32 size = 0;
    bpf_probe_read_user(&size, sizeof(u32), (void *)s->args[5]);
    MESSAGE(s, peer_size) = size;
  }
}

INLINE u32 is_received(struct scratch *s) {
  return CODE(s) == EVENT_RECVFROM || CODE(s) == EVENT_RECVMSG || CODE(s) == EVENT_RECVMMSG;
}

/** What was sent or received: of what was not received there is nothing. */
INLINE void put_contents(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  u64 most = result >= 0 ? result : is_received(s) ? 0 : DATA_WANTED;
  if (MESSAGE(s, row)) put_buffers(s, most);
  else put_data(s, MESSAGE(s, data), MESSAGE(s, data_size) < most ? MESSAGE(s, data_size) : most);
}

INLINE void put_peer(struct scratch *s) {
  struct sock *sk = socket_at(s, s->args[0]);
  if (sk) put_message_tuple(s, sk, MESSAGE(s, peer), MESSAGE(s, peer_size), is_received(s));
  else put_nothing(s);
}

INLINE void put_message(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  take_message(s);
  begin(s, CODE(s), CODE(s) == EVENT_RECVMSG ? 6 : 5);
  put_u64(s, result);
  if (CODE(s) == EVENT_RECVMSG) put_u32(s, MESSAGE(s, size));
  put_contents(s);
  if (!is_received(s)) {
    put_u64(s, (s64)(s32)s->args[0]);
    put_u32(s, MESSAGE(s, size));
  }
  put_peer(s);
  if (CODE(s) == EVENT_RECVMSG) put_data(s, MESSAGE(s, control), result < 0 ? 0 : MESSAGE(s, control_size));
  if (is_received(s)) put_u64(s, (s64)(s32)s->args[0]);
  if (CODE(s) == EVENT_RECVFROM) put_u32(s, MESSAGE(s, size));
  want_descriptor(s, s->args[0]);
}
