// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// read, write and their kin; sendfile; sendmmsg and recvmmsg, which are an event for each message.
#pragma once
#include "messages.h"

/** Where in a file a call reads or writes; 32-bit programs pass it as two halves, those of ARM in an even register and the next. */
INLINE u64 file_position(struct scratch *s) {
  if (!s->is_compat) return s->args[3];
  u32 is_vector = s->code == EVENT_PREADV || s->code == EVENT_PWRITEV;
#if defined(__TARGET_ARCH_arm64)
  if (!is_vector) return (u32)s->args[4] | s->args[5] << 32;
#endif
  return (u32)s->args[3] | s->args[4] << 32;
}

/** read, write, pread, pwrite: one buffer. */
INLINE void put_buffer_transfer(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  u32 is_read = s->code == EVENT_READ || s->code == EVENT_PREAD;
  u32 has_position = s->code == EVENT_PREAD || s->code == EVENT_PWRITE;
  begin(s, s->code, has_position ? 5 : 4);
  put_u64(s, result);
  put_data(s, s->args[1], result > 0 ? result : is_read ? 0 : s->args[2]);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u32(s, s->args[2]);
  if (has_position) put_u64(s, file_position(s));
}

/** readv, preadv: what was read into the buffers. */
INLINE void put_vector_read(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  u64 size = result > 0 ? result : 0;
  begin(s, s->code, s->code == EVENT_PREADV ? 5 : 4);
  put_u64(s, result);
  put_u32(s, size);
  take_row(s, s->args[1], s->args[2]);
  put_buffers(s, size);
  put_u64(s, (s64)(s32)s->args[0]);
  if (s->code == EVENT_PREADV) put_u64(s, file_position(s));
}

/** writev, pwritev: what stood in the buffers. */
INLINE void put_vector_write(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  begin(s, s->code, s->code == EVENT_PWRITEV ? 5 : 4);
  put_u64(s, result);
  take_row(s, s->args[1], s->args[2]);
  put_buffers(s, result > 0 ? result : DATA_WANTED);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u32(s, size_of_buffers(s));
  if (s->code == EVENT_PWRITEV) put_u64(s, file_position(s));
}

INLINE void put_sendfile(struct scratch *s) {
  u64 offset = 0;
  bpf_probe_read_user(&offset, s->is_compat ? 4 : 8, (void *)s->args[2]);
  begin(s, s->code, 5);
  put_u64(s, s->args[ARG_RESULT]);
  put_u64(s, offset);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u64(s, (s64)(s32)s->args[1]);
  put_u64(s, s->args[3]);
}

/** send and recv, which are calls of their own in old 32-bit programs alone. */
INLINE void put_send(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  u32 is_received = s->code == EVENT_RECV;
  struct sock *sk = socket_at(s, s->args[0]);
  begin(s, s->code, 5);
  put_u64(s, result);
  put_data(s, s->args[1], result > 0 ? result : is_received ? 0 : s->args[2]);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u32(s, s->args[2]);
  if (sk) put_message_tuple(s, sk, 0, 0, is_received);
  else put_nothing(s);
}

enum { MESSAGE_SIZE = 64, MESSAGE_SIZE_COMPAT = 32, MESSAGE_LENGTH = 56, MESSAGE_LENGTH_COMPAT = 28 };
/** As many messages of one call are told as a chain of programs can be long. */
enum { MESSAGES_MAX = 8 };

/** One message of sendmmsg or recvmmsg; where none was sent or received, the call alone. */
INLINE void put_messages(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  u32 length = 0;
  MESSAGE(s, count) = MESSAGE(s, size) = MESSAGE(s, control_size) = 0;
  if (result > 0) {
    u64 at = s->args[1] + s->message_index * (s->is_compat ? MESSAGE_SIZE_COMPAT : MESSAGE_SIZE);
    read_message(s, at);
    bpf_probe_read_user(&length, sizeof(length), (void *)(at + (s->is_compat ? MESSAGE_LENGTH_COMPAT : MESSAGE_LENGTH)));
  }
  begin(s, CODE(s), is_received(s) ? 6 : 5);
  put_u64(s, result > 0 ? length : result);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u32(s, is_received(s) ? length : MESSAGE(s, size));
  put_buffers(s, length);
  if (result > 0) put_peer(s);
  else put_nothing(s);
  if (is_received(s)) put_data(s, MESSAGE(s, control), MESSAGE(s, control_size));
}

/** True when the call has a further message that is told. */
INLINE u32 has_next_message(struct scratch *s) {
  if (s->code != EVENT_SENDMMSG && s->code != EVENT_RECVMMSG) return 0;
  s->message_index += 1;
  return s->message_index < MESSAGES_MAX && (s64)s->message_index < (s64)s->args[ARG_RESULT];
}

INLINE void put_transfer(struct scratch *s) {
  want_descriptor(s, s->args[0]);
  switch (s->code) {
  case EVENT_READ:
  case EVENT_WRITE:
  case EVENT_PREAD:
  case EVENT_PWRITE: return put_buffer_transfer(s);
  case EVENT_READV:
  case EVENT_PREADV: return put_vector_read(s);
  case EVENT_WRITEV:
  case EVENT_PWRITEV: return put_vector_write(s);
  case EVENT_SENDFILE: return put_sendfile(s);
  case EVENT_SEND:
  case EVENT_RECV: return put_send(s);
  case EVENT_SENDMMSG:
  case EVENT_RECVMMSG: return put_messages(s);
  }
}
