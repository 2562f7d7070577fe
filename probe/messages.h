// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// sendto, sendmsg, recvfrom, recvmsg.
#pragma once
#include "network.h"

/** Of a message's contents only the beginning is sent, as much as Falco takes. */
enum { DATA_MAX = 128, DATA_WANTED = 80, MAX_VECTORS = 16 };

/** A message as far as its event tells of it. */
struct message {
  /** whom it goes to or comes from, as far as the process passed that or asked for it */
  u64 peer;
  u32 peer_size;
  u64 data;
  u64 data_size;
  u64 size;
  u64 control;
  u64 control_size;
};

/** struct user_msghdr and struct iovec: pointers and sizes are of the caller's width. */
INLINE struct message read_message(struct scratch *s, u64 at) {
  struct message message = {};
  u64 header[6] = {};
  u32 compat = context_of(s)->flags & FLAG_COMPAT;
  bpf_probe_read_user(header, sizeof(header), (void *)at);
  message.peer = compat ? (u32)header[0] : header[0];
  message.peer_size = compat ? header[0] >> 32 : header[1];
  u64 vectors = compat ? (u32)header[1] : header[2];
  u64 count = compat ? header[1] >> 32 : header[3];
  message.control = compat ? (u32)header[2] : header[4];
  message.control_size = compat ? header[2] >> 32 : header[5];
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MAX_VECTORS; i += 1) {
    u64 vector[2] = {};
    if (i >= count) break;
    bpf_probe_read_user(vector, compat ? 8 : 16, (void *)(vectors + i * (compat ? 8 : 16)));
    u64 base = compat ? (u32)vector[0] : vector[0];
    u64 length = compat ? vector[0] >> 32 : vector[1];
    if (i == 0) {
      message.data = base;
      message.data_size = length;
    }
    message.size += length;
  }
  return message;
}

INLINE void put_data(struct scratch *s, u64 data, u64 size) {
  u32 length = size > DATA_WANTED ? DATA_WANTED : size;
  OPAQUE(length);
  length &= DATA_MAX - 1;
  if (is_full(s) || bpf_probe_read_user(position(s), length, (void *)data) < 0) length = 0;
  end_param(s, length);
}

INLINE void put_message(struct scratch *s) {
  u16 code = s->code;
  s64 result = s->args[ARG_RESULT];
  u32 is_received = code == EVENT_RECVFROM || code == EVENT_RECVMSG;
  struct message message = {
    .peer = s->args[4], .peer_size = s->args[5], .data = s->args[1], .data_size = s->args[2], .size = s->args[2],
  };
  if (code == EVENT_SENDMSG || code == EVENT_RECVMSG) message = read_message(s, s->args[1]);
  if (code == EVENT_RECVFROM) {
    message.peer_size = 0;
    bpf_probe_read_user(&message.peer_size, sizeof(u32), (void *)s->args[5]);
  }
  // What was not received is not there.
  if (is_received && result < 0) message.data_size = message.control_size = 0;
  if (result >= 0 && message.data_size > (u64)result) message.data_size = result;
  struct sock *sk = socket_at(s, s->args[0]);
  begin(s, code, code == EVENT_RECVMSG ? 6 : 5);
  put_u64(s, result);
  if (code == EVENT_RECVMSG) put_u32(s, message.size);
  put_data(s, message.data, message.data_size);
  if (!is_received) {
    put_u64(s, (s64)(s32)s->args[0]);
    put_u32(s, message.size);
  }
  if (sk) put_message_tuple(s, sk, message.peer, message.peer_size, is_received);
  else put_nothing(s);
  if (code == EVENT_RECVMSG) put_data(s, message.control, message.control_size);
  if (is_received) put_u64(s, (s64)(s32)s->args[0]);
  if (code == EVENT_RECVFROM) put_u32(s, message.size);
  want_descriptor(s, s->args[0]);
}
