// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The links of a chain of programs that make one event in one scratch: whoever ends the chain frees it. A chain has a hook (all its
// programs need one type), a scratch and a program array of its own:
//   the hook's first program ─▶ (cgroup, when it is new) ─▶ the one that knows the parameters ─▶ (of an open: where it led) ─▶ sections
#pragma once
#include "opened.h"
#include "syscalls.h"

typedef int handler(u64 *context);

/** A program that puts an event's parameters or a section of it; `next` comes after it. */
#define LINK_PARAMETERS(hook, name, which, handlers, next, ...)                                                                         \
  hook int name(u64 *ctx) {                                                                                                        \
    struct scratch *s = the_scratch(which);                                                                                        \
    if (!s) return 0;                                                                                                              \
    __VA_ARGS__;                                                                                                                   \
    bpf_tail_call(ctx, &handlers, next);                                                                                           \
    s->busy = 0;                                                                                                                   \
    return 0;                                                                                                                      \
  }

/** The program that asks the opened file where the words of an open fulfilled nothing; `go_on` hands over what is wanted. */
#define LINK_ASK_FILE(hook, name, which, go_on)                                                                                    \
  hook int name(u64 *ctx) {                                                                                                        \
    struct scratch *s = the_scratch(which);                                                                                        \
    if (!s) return 0;                                                                                                              \
    s->wanted = is_file_wanted(s);                                                                                                 \
    if (*(volatile u32 *)&s->wanted) go_on(ctx, s);                                                                                        \
    else COUNT_OUTCOME(s->code, filtered);                                                                                         \
    s->busy = 0;                                                                                                                   \
    return 0;                                                                                                                      \
  }

/** The program that tells of a new cgroup before the event. */
#define LINK_CGROUP(hook, name, which, handlers)                                                                                   \
  hook int name(u64 *ctx) {                                                                                                        \
    struct scratch *s = the_scratch(which);                                                                                        \
    if (!s) return 0;                                                                                                              \
    u16 code = s->code;                                                                                                            \
    send_cgroup(s);                                                                                                                \
    s->code = code;                                                                                                                \
    bpf_tail_call(ctx, &handlers, s->handler);                                                                                     \
    s->busy = 0;                                                                                                                   \
    return 0;                                                                                                                      \
  }

/** The last program: adds the sections, and sends. */
#define LINK_SECTIONS(hook, name, which)                                                                                           \
  hook int name(u64 *ctx) {                                                                                                        \
    struct scratch *s = the_scratch(which);                                                                                        \
    if (!s) return 0;                                                                                                              \
    append_sections(s);                                                                                                            \
    finish(s);                                                                                                                     \
    return 0;                                                                                                                      \
  }
