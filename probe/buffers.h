// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a process reads and writes: one buffer, or several in a row (struct iovec).
#pragma once
#include "writer.h"

/** Of contents only the beginning is sent, as much as Falco takes. */
enum { DATA_MAX = 128, DATA_WANTED = 80 };
/** So many buffers are looked at. */
enum { MAX_BUFFERS = 16 };

struct buffer {
  u64 data;
  u64 size;
};

/** A buffer of a row: pointer and size are of the caller's width. */
INLINE struct buffer buffer_at(struct scratch *s, u64 row, u32 index) {
  struct buffer buffer = {};
  u32 is_compat = s->is_compat & 1;
  OPAQUE(is_compat);
  u64 at = row + (index * 16 >> is_compat);
  bpf_probe_read_user(&buffer.data, sizeof(u64), (void *)at);
  if (is_compat) {
    buffer.size = buffer.data >> 32;
    buffer.data = (u32)buffer.data;
  } else bpf_probe_read_user(&buffer.size, sizeof(u64), (void *)(at + 8));
  return buffer;
}

/** The row of buffers that the next two functions are about. */
INLINE void take_row(struct scratch *s, u64 row, u64 count) {
  *(volatile u64 *)&s->message.row = row;
  *(volatile u64 *)&s->message.count = count;
}

#define ROW(s) (*(volatile u64 *)&(s)->message.row)
#define COUNT_OF_ROW(s) (*(volatile u64 *)&(s)->message.count)

/** The sum stands in the scratch, where the verifier forgets it from one buffer to the next. */
INLINE u64 size_of_buffers(struct scratch *s) {
  volatile u64 *size = &s->buffers_size;
  *size = 0;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MAX_BUFFERS; i += 1) {
    if (i >= COUNT_OF_ROW(s)) break;
    *size += buffer_at(s, ROW(s), i).size;
  }
  return *size;
}

/** Appends what stands in a buffer, as far as it is wanted, and gives its length; 0 when it cannot be read. */
INLINE u32 append_data(struct scratch *s, u64 data, u64 size) {
  u32 length = size > DATA_WANTED ? DATA_WANTED : size;
  OPAQUE(length);
  length &= DATA_MAX - 1;
  if (is_full(s) || bpf_probe_read_user(position(s), length, (void *)data) < 0) return 0;
  return length;
}

INLINE void put_data(struct scratch *s, u64 data, u64 size) {
  end_param(s, append_data(s, data, size));
}

/** What stands in a row of buffers as one parameter, `size` bytes at most. */
INLINE void put_buffers(struct scratch *s, u64 size) {
  volatile u64 *left = &s->buffers_size;
  *left = size > DATA_WANTED ? DATA_WANTED : size;
  s->buffers_at = s->used;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MAX_BUFFERS; i += 1) {
    if (i >= COUNT_OF_ROW(s) || !*left) break;
    struct buffer buffer = buffer_at(s, ROW(s), i);
    u32 length = append_data(s, buffer.data, buffer.size < *left ? buffer.size : *left);
    OPAQUE(length);
    s->used += length;
    // Behind one that cannot be read nothing is told.
    *left = (*left - length) & -is_any(length | !buffer.size);
  }
  u32 length = s->used - *(volatile u32 *)&s->buffers_at;
  s->used = *(volatile u32 *)&s->buffers_at;
  end_param(s, length);
}
