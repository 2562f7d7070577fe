// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// socket, bind, listen, connect, accept.
#pragma once
#include "files.h"
#include "flags.h"
#include "syscalls.h"

enum { EINPROGRESS = 115 };

/** Finds the socket of a descriptor's file; 0 where it is none. */
INLINE u32 find_socket(struct found *found, s32 fd, struct file *file) {
  if (!file || (PROBE(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK) return 0;
  struct socket *socket = PROBE(file, private_data);
  struct sock *sk = PROBE(socket, sk);
  if (!sk) return 0;
  found->file = file;
  found->socket = socket;
  found->sk = sk;
  found->fd = fd;
  found->protocol = 0;
  return 1;
}

/** The socket of a descriptor, looked up once. */
INLINE struct sock *socket_at(struct scratch *s, s32 fd) {
  if (!is_found(s, fd) && !find_socket(&s->found, fd, file_at(s, fd))) return NULL;
  return s->found.sk;
}

/** The pct, length and limit of a listening socket's queue. */
INLINE void put_queue(struct scratch *s, struct sock *listener) {
  u32 length = listener ? PROBE(listener, sk_ack_backlog) : 0;
  u32 limit = listener ? PROBE(listener, sk_max_ack_backlog) : 0;
  put_u8(s, limit ? (u64)length * 100 / limit : 0);
  put_u32(s, length);
  put_u32(s, limit);
}

INLINE void put_accept(struct scratch *s, u32 with_flags) {
  s64 fd = s->args[ARG_RESULT];
  struct sock *sk = fd < 0 ? NULL : socket_at(s, fd);
  put_u64(s, fd);
  if (sk) put_tuple(s, sk, 1);
  else put_nothing(s);
  if (fd >= 0) want_descriptor(s, fd);
  put_queue(s, socket_at(s, s->args[0]));
  if (with_flags) put_u32(s, descriptor_flags(s->args[3]));
}

INLINE void put_connect(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  struct sock *sk = socket_at(s, s->args[0]);
  want_descriptor(s, s->args[0]);
  if (result != 0 && result != -EINPROGRESS) sk = NULL;
  put_u64(s, result);
  if (sk && s->is_request && s->hides_result) put_message_tuple(s, sk, s->args[1], s->args[2], 0);
  else if (sk) put_tuple(s, sk, 0);
  else put_nothing(s);
  put_u64(s, (s64)(s32)s->args[0]);
  put_user_address(s, s->args[1], s->args[2]);
}

INLINE void put_network(struct scratch *s) {
  u16 code = s->code;
  u64 result = s->args[ARG_RESULT];
  switch (code) {
  case EVENT_SOCKET:
    begin(s, code, 5);
    put_u64(s, result);
    put_u32(s, s->args[0]);
    put_u32(s, s->args[1] & 0xf);
    put_u32(s, s->args[2]);
    put_u32(s, descriptor_flags(s->args[1]));
    want_descriptor(s, result);
    return;
  case EVENT_BIND:
    begin(s, code, 3);
    put_u64(s, result);
    if (s->is_request) put_own_address(s, socket_at(s, s->args[0]));
    else put_user_address(s, s->args[1], s->args[2]);
    put_u64(s, (s64)(s32)s->args[0]);
    want_descriptor(s, s->args[0]);
    return;
  case EVENT_LISTEN:
    begin(s, code, 3);
    put_u64(s, result);
    put_u64(s, (s64)(s32)s->args[0]);
    put_u32(s, s->args[1]);
    want_descriptor(s, s->args[0]);
    return;
  case EVENT_CONNECT:
    begin(s, code, 4);
    return put_connect(s);
  case EVENT_ACCEPT:
    begin(s, code, 5);
    return put_accept(s, 0);
  case EVENT_ACCEPT4:
    begin(s, code, 6);
    return put_accept(s, 1);
  }
}
