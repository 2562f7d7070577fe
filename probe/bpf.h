// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The few BPF helpers, map macros and CO-RE builtins the probe uses. Numbers: kernel include/uapi/linux/bpf.h.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define NULL ((void *)0)

// How a map's attributes stand in BTF (libbpf's convention, which our loader reads too).
#define MAP_NUMBER(name, value) int(*name)[value]
#define MAP_TYPE(name, type) type *name
#define MAP_VALUES(name, type) type *name[]

enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_PROG_ARRAY = 3, MAP_PERCPU_ARRAY = 6, MAP_LRU_HASH = 9, MAP_LPM_TRIE = 11, MAP_RINGBUF = 27 };
enum { MAP_NO_PREALLOC = 1 };
enum { UPDATE_ANY = 0, UPDATE_NOEXIST = 1 };
enum { RING_FILLED = 0, RING_SIZE = 1, RING_TAKEN = 2 };

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static long (*bpf_tail_call)(void *ctx, void *map, u32 index) = (void *)12;
static u64 (*bpf_get_current_task)(void) = (void *)35;
static long (*bpf_probe_read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_user_str)(void *to, u32 size, const void *from) = (void *)114;
static long (*bpf_probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*bpf_ktime_get_boot_ns)(void) = (void *)125;
static long (*bpf_ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static u64 (*bpf_ringbuf_query)(void *ring, u64 what) = (void *)134;
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;
static long (*bpf_task_pt_regs)(struct task_struct *task) = (void *)175;

// Hides a number's origin from the compiler, so that the bound that follows is kept and the verifier sees it.
#define OPAQUE(n) asm volatile("" : "+r"(n))

/** 1 when any bit is set, else 0; without a jump, each of which would double what the verifier has to follow. */
INLINE u64 is_any(u64 word) {
  u64 sign = word | -word;
  OPAQUE(sign);
  return sign >> 63;
}

// CO-RE questions to the loader (clang's language extension, kinds as in include/uapi/linux/bpf.h `enum bpf_core_relo_kind`).
#define FIELD_EXISTS(type, field) __builtin_preserve_field_info(((type *)0)->field, 2)
#define FIELD_OFFSET(type, field) __builtin_preserve_field_info(((type *)0)->field, 0)
#define TYPE_EXISTS(type) __builtin_preserve_type_info(*(type *)0, 0)
#define TYPE_SIZE(type) __builtin_preserve_type_info(*(type *)0, 1)
#define ENUM_EXISTS(type, value) __builtin_preserve_enum_value(*(type *)value, 0)
#define ENUM_VALUE(type, value) __builtin_preserve_enum_value(*(type *)value, 1)

// From 6.2 on: gives a pointer a type by which it may be read at once, as safely as by helper, and at a tenth of the cost.
extern void *bpf_rdonly_cast(const void *object, u32 type) __attribute__((weak, section(".ksyms")));

/** The pointer as one of its own type; only where there is bpf_rdonly_cast. */
#define TYPED(p) ((typeof(p))bpf_rdonly_cast(p, __builtin_btf_type_id(*(p), 1)))

// Keeps the compiler from making one load of what two branches do, which would be of an address that is reckoned first.
#define KEEP_APART asm volatile("")

// PROBE(p, a, b, …) reads p->a->b… from any pointer; a failed read gives 0.
#define PROBE1(p, a)                                                                                                               \
  ({                                                                                                                               \
    typeof(p) of_ = (p);                                                                                                           \
    typeof(of_->a) read_;                                                                                                          \
    if (bpf_rdonly_cast) {                                                                                                         \
      read_ = TYPED(of_)->a;                                                                                                       \
      KEEP_APART;                                                                                                                  \
    } else bpf_probe_read_kernel(&read_, sizeof(read_), &of_->a);                                                                  \
    read_;                                                                                                                         \
  })
#define PROBE2(p, a, b) PROBE_TYPED(p, a->b, PROBE1(PROBE1(base_, a), b))
#define PROBE3(p, a, b, c) PROBE_TYPED(p, a->b->c, PROBE1(PROBE1(PROBE1(base_, a), b), c))
#define PROBE4(p, a, b, c, d) PROBE_TYPED(p, a->b->c->d, PROBE1(PROBE1(PROBE1(PROBE1(base_, a), b), c), d))
// What a typed pointer leads to has a type as well.
#define PROBE_TYPED(p, fields, by_helper)                                                                                          \
  ({                                                                                                                               \
    typeof(p) base_ = (p);                                                                                                         \
    typeof(base_->fields) value_;                                                                                                  \
    if (bpf_rdonly_cast) {                                                                                                         \
      value_ = TYPED(base_)->fields;                                                                                               \
      KEEP_APART;                                                                                                                  \
    } else value_ = by_helper;                                                                                                     \
    value_;                                                                                                                        \
  })
#define PICK(_1, _2, _3, _4, _5, name, ...) name
#define PROBE(...) PICK(__VA_ARGS__, PROBE4, PROBE3, PROBE2, PROBE1, none)(__VA_ARGS__)

// Sixteen bytes of a field, into what is aligned to eight: two loads cost less than one helper.
#define PROBE16(to, p, ...)                                                                                                        \
  ({                                                                                                                               \
    typeof(p) of_ = (p);                                                                                                           \
    if (bpf_rdonly_cast) LOAD16(to, TYPED(of_), __VA_ARGS__);                                                                      \
    else bpf_probe_read_kernel(to, 16, &of_->__VA_ARGS__);                                                                         \
  })
#define LOAD16(to, p, ...)                                                                                                         \
  ({                                                                                                                               \
    const u64 *from_ = (const u64 *)&(p)->__VA_ARGS__;                                                                             \
    ((u64 *)(to))[0] = from_[0];                                                                                                   \
    ((u64 *)(to))[1] = from_[1];                                                                                                   \
  })

// Several fields of one structure: where there is no cast, SPAN reads all that lies between two of them by one helper, and IN takes a field
// from there, or by a helper of its own where this kernel has it elsewhere. With the cast a SPAN is nothing, and IN a load.
#define SPAN(name, most, p, first, last)                                                                                           \
  u64 name[(most) / 8];                                                                                                            \
  u32 name##_from = 0, name##_end = 0;                                                                                             \
  if (!bpf_rdonly_cast) {                                                                                                          \
    name##_from = FIELD_OFFSET(typeof(*(p)), first);                                                                               \
    name##_end = END_OF(p, last);                                                                                                  \
    OPAQUE(name##_from);                                                                                                           \
    OPAQUE(name##_end);                                                                                                            \
    if (name##_end - name##_from <= sizeof(name)) bpf_probe_read_kernel(name, name##_end - name##_from, (u8 *)(p) + name##_from);  \
  }
#define IN(name, p, field)                                                                                                         \
  ({                                                                                                                               \
    typeof(p) of_ = (p);                                                                                                           \
    typeof(of_->field) read_;                                                                                                      \
    if (bpf_rdonly_cast) {                                                                                                         \
      read_ = TYPED(of_)->field;                                                                                                   \
      KEEP_APART;                                                                                                                  \
    } else if (name##_end - name##_from <= sizeof(name) && FIELD_OFFSET(typeof(*of_), field) >= name##_from && END_OF(of_, field) <= name##_end) { \
      read_ = ((typeof(p))((u64)name + MINUS(name##_from)))->field;                                                                \
      KEEP_APART;                                                                                                                  \
    } else bpf_probe_read_kernel(&read_, sizeof(read_), &of_->field);                                                              \
    read_;                                                                                                                         \
  })
#define END_OF(p, field) (FIELD_OFFSET(typeof(*(p)), field) + sizeof((p)->field))
// The verifier lets nothing be taken from an address in the stack, and before 6.9 knows nothing of a number that was negated.
#define MINUS(number)                                                                                                              \
  ({                                                                                                                               \
    u64 minus_ = 0;                                                                                                                \
    OPAQUE(minus_);                                                                                                                \
    minus_ -= (number);                                                                                                            \
    OPAQUE(minus_);                                                                                                                \
    minus_;                                                                                                                        \
  })

// READ is PROBE where the pointer's type is known to the verifier (the current task, a program's argument, what is reached
// from them by READ): a plain load in the tp_btf objects. Never on a pointer that went through memory.
// Through a trusted pointer it is cheaper still, but for each pointer that is read through one the verifier looks names up among all the
// kernel's types, a millisecond each: only the program that every call goes through asks for one.
#ifdef CLASSIC
#define RAW_TP
#endif
#ifdef RAW_TP
#define READ(...) PROBE(__VA_ARGS__)
#define READ16(...) PROBE16(__VA_ARGS__)
#ifdef CLASSIC
// Kernels that are asked for these have the cast.
#define READ_SPAN(...)
#define READ_IN(name, p, field) PROBE(p, field)
#else
#define READ_SPAN(...) SPAN(__VA_ARGS__)
#define READ_IN(...) IN(__VA_ARGS__)
#endif
#define current_task() ((struct task_struct *)bpf_get_current_task())
#define trusted_task() current_task()
#else
#define READ2(p, a) ((p)->a)
#define READ3(p, a, b) ((p)->a->b)
#define READ4(p, a, b, c) ((p)->a->b->c)
#define READ5(p, a, b, c, d) ((p)->a->b->c->d)
#define READ(...) PICK(__VA_ARGS__, READ5, READ4, READ3, READ2, none)(__VA_ARGS__)
#define READ16(...) LOAD16(__VA_ARGS__)
#define READ_SPAN(...)
#define READ_IN(name, p, field) READ(p, field)
#define trusted_task() bpf_get_current_task_btf()

INLINE struct task_struct *current_task(void) {
  struct task_struct *task = trusted_task();
  return bpf_rdonly_cast ? TYPED(task) : task;
}
#endif
