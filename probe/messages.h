// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// sendto, sendmsg.
#pragma once
#include "network.h"

/** Of a message's contents only the beginning is sent, as much as Falco takes. */
enum { DATA_MAX = 128, DATA_WANTED = 80, MAX_VECTORS = 16 };

/** A message as far as its event tells of it. */
struct message {
  u64 to;
  u32 to_size;
  u64 data;
  u64 data_size;
  u64 size;
};

/** struct user_msghdr and struct iovec: pointers and sizes are of the caller's width. */
INLINE struct message read_message(struct scratch *s, u64 at) {
  struct message message = {};
  u64 header[4] = {};
  u32 compat = context_of(s)->flags & FLAG_COMPAT;
  bpf_probe_read_user(header, sizeof(header), (void *)at);
  message.to = compat ? (u32)header[0] : header[0];
  message.to_size = compat ? header[0] >> 32 : header[1];
  u64 vectors = compat ? (u32)header[1] : header[2];
  u64 count = compat ? header[1] >> 32 : header[3];
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
  struct message message = {
    .to = s->args[4], .to_size = s->args[5], .data = s->args[1], .data_size = s->args[2], .size = s->args[2],
  };
  if (code == EVENT_SENDMSG) message = read_message(s, s->args[1]);
  if (result >= 0 && message.data_size > (u64)result) message.data_size = result;
  struct sock *sk = socket_at(s, s->args[0]);
  begin(s, code, 5);
  put_u64(s, result);
  put_data(s, message.data, message.data_size);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u32(s, message.size);
  if (sk) put_message_tuple(s, sk, message.to, message.to_size);
  else put_nothing(s);
  want_descriptor(s, s->args[0]);
}
