// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The probe of Saker. One source, two objects an architecture: programs of type tp_btf, or raw_tp (-DRAW_TP) for kernels
// that have no tp_btf. Licensed under Apache-2.0 like the project or GPL-2.0 at your choice; the kernel's own list of
// licences that may use its tracing helpers knows the latter, which the string below states.
#include "on-syscall.h"
#include "on-process.h"
#include "on-cgroup.h"
#include "on-listen.h"
#include "on-path.h"
#include "on-touch.h"
#include "on-uring.h"

char licence[] SEC("license") = "GPL";
