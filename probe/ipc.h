// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Pipes, pairs of sockets, semaphores, keys, poll.
#pragma once
#include "network.h"

/** The two descriptors that a call made, -1 each when it failed. */
struct pair {
  s32 first, second;
};

INLINE struct pair made_pair(struct scratch *s, u64 at) {
  struct pair pair = { -1, -1 };
  if (s->args[ARG_RESULT] == 0) bpf_probe_read_user(&pair, sizeof(pair), (void *)at);
  return pair;
}

INLINE void put_pipe(struct scratch *s) {
  struct pair pair = made_pair(s, s->args[0]);
  struct file *file = file_of(pair.first);
  begin(s, s->code, s->code == EVENT_PIPE2 ? 5 : 4);
  put_u64(s, s->args[ARG_RESULT]);
  put_u64(s, (s64)pair.first);
  put_u64(s, (s64)pair.second);
  put_u64(s, file ? PROBE(file, f_inode, i_ino) : 0);
  if (s->code == EVENT_PIPE2) put_u32(s, pipe_flags(s->args[1]));
  want_descriptor(s, pair.first);
}

INLINE void put_socketpair(struct scratch *s) {
  struct pair pair = made_pair(s, s->args[3]);
  struct sock *sk = socket_at(s, pair.first);
  begin(s, s->code, 8);
  put_u64(s, s->args[ARG_RESULT]);
  put_u64(s, (s64)pair.first);
  put_u64(s, (s64)pair.second);
  put_u64(s, (u64)sk);
  put_u64(s, sk && family_of(sk) == AF_UNIX ? (u64)PROBE((struct unix_sock *)sk, peer) : 0);
  put_u32(s, s->args[0]);
  put_u32(s, s->args[1]);
  put_u32(s, s->args[2]);
  want_descriptor(s, pair.first);
}

struct semaphore_operation {
  u16 number;
  u16 change;
  u16 flags;
};

/** The first two operations, as far as they were done. */
INLINE void put_semop(struct scratch *s) {
  struct semaphore_operation operations[2] = {};
  u32 count = s->args[2];
  if (s->args[ARG_RESULT] == 0 && count != 0)
    bpf_probe_read_user(operations, count == 1 ? sizeof(operations[0]) : sizeof(operations), (void *)s->args[1]);
  begin(s, s->code, 9);
  put_u64(s, s->args[ARG_RESULT]);
  put_u32(s, count);
  put_u16(s, operations[0].number);
  put_u16(s, operations[0].change);
  put_u16(s, semaphore_flags(operations[0].flags));
  put_u16(s, operations[1].number);
  put_u16(s, operations[1].change);
  put_u16(s, semaphore_flags(operations[1].flags));
  put_u32(s, s->args[0]);
}

enum { SETVAL = 16 };

INLINE void put_semctl(struct scratch *s) {
  begin(s, s->code, 5);
  put_u64(s, s->args[ARG_RESULT]);
  put_u32(s, s->args[0]);
  put_u32(s, s->args[1]);
  put_u16(s, semaphore_command(s->args[2]));
  put_u32(s, (s->args[2] & 0xff) == SETVAL ? s->args[3] : 0);
}

/** As many descriptors are told as Falco tells. */
enum { POLLED_MAX = 16 };

struct polled {
  s32 fd;
  u16 events;
  u16 returned;
};

/** A list of descriptors, each with what the call found: u16 count, then s64 and u16. */
INLINE void put_polled(struct scratch *s) {
  u32 start = s->used, wanted = s->args[1] < POLLED_MAX ? s->args[1] : POLLED_MAX, count = 0;
  s->used += 2;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < POLLED_MAX; i += 1) {
    struct polled polled;
    if (i >= wanted || bpf_probe_read_user(&polled, sizeof(polled), (void *)(s->args[0] + i * sizeof(polled))) < 0) break;
    *(u64 *)position(s) = (s64)polled.fd;
    *(u16 *)(position(s) + 8) = poll_events(polled.returned);
    s->used += 10;
    count = i + 1;
  }
  u32 length = s->used - start;
  s->used = start;
  *(u16 *)position(s) = count;
  end_param(s, length);
}

/** A time of the process as nanoseconds, 0 where it passed none. */
INLINE u64 passed_time(struct scratch *s, u64 at, u32 is_wide) {
  s64 time[2] = {};
  s32 narrow[2] = {};
  if (is_wide) bpf_probe_read_user(time, sizeof(time), (void *)at);
  else {
    bpf_probe_read_user(narrow, sizeof(narrow), (void *)at);
    time[0] = narrow[0];
    time[1] = narrow[1];
  }
  return time[0] * 1000000000ULL + time[1];
}

/** ppoll() of 32-bit programs with a time of 64 bits, on every architecture. */
enum { PPOLL_TIME64 = 414 };

INLINE void put_poll(struct scratch *s) {
  begin(s, s->code, s->code == EVENT_PPOLL ? 4 : 3);
  put_u64(s, s->args[ARG_RESULT]);
  put_polled(s);
  if (s->code == EVENT_POLL) return put_u64(s, (s64)(s32)s->args[2]);
  u32 signals = 0;
  bpf_probe_read_user(&signals, sizeof(signals), (void *)s->args[3]);
  put_u64(s, passed_time(s, s->args[2], !s->is_compat || s->call_number == PPOLL_TIME64));
  put_u32(s, signals);
}

/** How many of arg2 to arg5 a keyctl() operation has (include/uapi/linux/keyctl.h). */
INLINE u32 key_arguments(u32 operation) {
  switch (operation) {
  case 1: case 3: case 7: case 14: case 16: case 21: return 1;
  case 0: case 5: case 8: case 9: case 15: case 22: case 31: return 2;
  case 2: case 4: case 6: case 11: case 13: case 17: case 24: case 29: case 32: return 3;
  case 10: case 12: case 19: case 20: case 23: case 25: case 26: case 27: case 28: case 30: return 4;
  default: return 0;
  }
}

/** Which of them are texts, a bit each. */
INLINE u32 key_texts(u32 operation) {
  switch (operation) {
  case 1: return 1;
  case 25: case 26: case 27: case 28: return 2;
  case 24: return 4;
  case 10: case 29: return 6;
  default: return 0;
  }
}

enum { KEY_NUMBER = 0, KEY_TEXT = 1 };

INLINE void put_keyctl(struct scratch *s) {
  u32 operation = s->args[0], count = key_arguments(operation), texts = key_texts(operation);
  begin(s, s->code, 6);
  put_u64(s, s->args[ARG_RESULT]);
  put_u32(s, operation);
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < 4; i += 1) {
    u32 is_text = texts >> i & 1;
    u64 value = i < count ? s->args[(i + 1) & (ARGS - 1)] : 0;
    *position(s) = is_text ? KEY_TEXT : KEY_NUMBER;
    s->used += 1;
    u32 length = 8;
    if (is_text) length = append_user_text(s, value);
    else *(u64 *)position(s) = value;
    s->used -= 1;
    end_param(s, length + 1);
  }
}

INLINE void put_ipc(struct scratch *s) {
  switch (s->code) {
  case EVENT_PIPE:
  case EVENT_PIPE2: return put_pipe(s);
  case EVENT_SOCKETPAIR: return put_socketpair(s);
  case EVENT_SEMOP: return put_semop(s);
  case EVENT_SEMCTL: return put_semctl(s);
  case EVENT_POLL:
  case EVENT_PPOLL: return put_poll(s);
  case EVENT_KEYCTL: return put_keyctl(s);
  }
}
