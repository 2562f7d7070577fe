// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// sendto, sendmsg, recvfrom, recvmsg.
#pragma once
#include "buffers.h"
#include "network.h"

/** A message as far as its event tells of it. */
struct message {
  /** whom it goes to or comes from, as far as the process passed that or asked for it */
  u64 peer;
  u32 peer_size;
  u64 data;
  u64 data_size;
  u64 vectors;
  u64 count;
  u64 size;
  u64 control;
  u64 control_size;
};

/** struct user_msghdr: pointers and sizes are of the caller's width. */
INLINE struct message read_message(struct scratch *s, u64 at) {
  struct message message = {};
  u64 header[6] = {};
  u32 compat = s->is_compat;
  bpf_probe_read_user(header, sizeof(header), (void *)at);
  message.peer = compat ? (u32)header[0] : header[0];
  message.peer_size = compat ? header[0] >> 32 : header[1];
  message.vectors = compat ? (u32)header[1] : header[2];
  message.count = compat ? header[1] >> 32 : header[3];
  message.control = compat ? (u32)header[2] : header[4];
  message.control_size = compat ? header[2] >> 32 : header[5];
  message.size = size_of_buffers(s, message.vectors, message.count);
  return message;
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
  if (is_received && result < 0) message.data_size = message.count = message.control_size = 0;
  if (result >= 0 && message.data_size > (u64)result) message.data_size = result;
  struct sock *sk = socket_at(s, s->args[0]);
  begin(s, code, code == EVENT_RECVMSG ? 6 : 5);
  put_u64(s, result);
  if (code == EVENT_RECVMSG) put_u32(s, message.size);
  if (message.vectors) put_buffers(s, message.vectors, message.count, result >= 0 ? result : DATA_WANTED);
  else put_data(s, message.data, message.data_size);
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
