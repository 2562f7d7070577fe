import { EVENT_TYPE_BY_NAME, type EventType, eventType } from "./schema.ts";

/** The numbers by which programs make a call, of those that have one: 64 and 32 bits of two kinds. */
export type SystemCallNumbers = Readonly<
  Record<"x64" | "i386" | "arm64" | "arm", readonly number[]>
>;

/** A system call as scap knows it. */
export interface SystemCall {
  readonly name: string;
  /** scap's own number (`PPM_SC_*`). */
  readonly code: number;
  /** The event that tells of it: its own, or the generic one that names it. */
  readonly event: EventType;
  readonly numbers: SystemCallNumbers;
}

/**
 * System calls by scap's number, `-` for one that is none: name and numbers on x86-64, i386, arm64
 * and arm, or one number for all; several where 32-bit programs have one for wider ids or times.
 * Source: libs driver/ppm_events_public.h, Linux arch/\*\/include/uapi/asm/unistd*.h (facts).
 */
const TABLE = `
  unknown restart_syscall:219:0:128:0 exit:60:1:93:1 read:0:3:63:3 write:1:4:64:4 open:2:5:-:5 close:3:6:57:6 creat:85:8:-:8
  link:86:9:-:9 unlink:87:10:-:10 chdir:80:12:49:12 time:201:13:-:- mknod:133:14:-:14 chmod:90:15:-:15 stat:4:106:-:106
  lseek:8:19:62:19 getpid:39:20:172:20 mount:165:21:40:21 ptrace:101:26:117:26 alarm:37:27:-:- fstat:5:108:80:108
  pause:34:29:-:29 utime:132:30:-:- access:21:33:-:33 sync:162:36:81:36 kill:62:37:129:37 rename:82:38:-:38 mkdir:83:39:-:39
  rmdir:84:40:-:40 dup:32:41:23:41 pipe:22:42:-:42 times:100:43:153:43 brk:12:45:214:45 acct:163:51:89:51 ioctl:16:54:29:54
  fcntl:72:55:25:55 setpgid:109:57:154:57 umask:95:60:166:60 chroot:161:61:51:61 ustat:136:62:-:62 dup2:33:63:-:63
  getppid:110:64:173:64 getpgrp:111:65:-:65 setsid:112:66:157:66 sethostname:170:74:161:74 setrlimit:160:75:164:75
  getrusage:98:77:165:77 gettimeofday:96:78:169:78 settimeofday:164:79:170:79 symlink:88:83:-:83 lstat:6:107:-:107
  readlink:89:85:-:85 uselib:134:86:-:86 swapon:167:87:224:87 reboot:169:88:142:88 mmap:9:-:222:- munmap:11:91:215:91
  truncate:76:92/193:45:92/193 ftruncate:77:93/194:46:93/194 fchmod:91:94:52:94 getpriority:140:96:141:96
  setpriority:141:97:140:97 statfs:137:99:43:99 fstatfs:138:100:44:100 syslog:103:103:116:103 setitimer:38:104:103:104
  getitimer:36:105:102:105 uname:63:122:160:122 vhangup:153:111:58:111 wait4:61:114:260:114 swapoff:168:115:225:115
  sysinfo:99:116:179:116 fsync:74:118:82:118 setdomainname:171:121:162:121 adjtimex:159:124:171:124 mprotect:10:125:226:125
  init_module:175:128:105:128 delete_module:176:129:106:129 quotactl:179:131:60:131 getpgid:121:132:155:132 fchdir:81:133:50:133
  sysfs:139:135:-:135 personality:135:136:92:136 getdents:78:141:-:141 select:23:82:-:- flock:73:143:32:143 msync:26:144:227:144
  readv:19:145:65:145 writev:20:146:66:146 getsid:124:147:156:147 fdatasync:75:148:83:148 mlock:149:150:228:150
  munlock:150:151:229:151 mlockall:151:152:230:152 munlockall:152:153:231:153 sched_setparam:142:154:118:154
  sched_getparam:143:155:121:155 sched_setscheduler:144:156:119:156 sched_getscheduler:145:157:120:157
  sched_yield:24:158:124:158 sched_get_priority_max:146:159:125:159 sched_get_priority_min:147:160:126:160
  sched_rr_get_interval:148:161/423:127:161/423 nanosleep:35:162:101:162 mremap:25:163:216:163 poll:7:168:-:168
  prctl:157:172:167:172 rt_sigaction:13:174:134:174 rt_sigprocmask:14:175:135:175 rt_sigpending:127:176:136:176
  rt_sigtimedwait:128:177/421:137:177/421 rt_sigqueueinfo:129:178:138:178 rt_sigsuspend:130:179:133:179 getcwd:79:183:17:183
  capget:125:184:90:184 capset:126:185:91:185 sendfile:40:187:71:187 getrlimit:97:76:163:- lchown:94:16/198:-:16/198
  getuid:102:24:174:24 getgid:104:47:176:47 geteuid:107:49:175:49 getegid:108:50:177:50 setreuid:113:70/203:145:70/203
  setregid:114:71/204:143:71/204 getgroups:115:80/205:158:80/205 setgroups:116:81/206:159:81/206 fchown:93:95/207:55:95/207
  setresuid:117:164:147:164 getresuid:118:165:148:165 setresgid:119:170:149:170 getresgid:120:171:150:171
  chown:92:182/212:-:182/212 setuid:105:23:146:23 setgid:106:46:144:46 setfsuid:122:138/215:151:138/215
  setfsgid:123:139/216:152:139/216 pivot_root:155:217:41:218 mincore:27:218:232:219 madvise:28:219:233:220
  gettid:186:224:178:224 setxattr:188:226:5:226 lsetxattr:189:227:6:227 fsetxattr:190:228:7:228 getxattr:191:229:8:229
  lgetxattr:192:230:9:230 fgetxattr:193:231:10:231 listxattr:194:232:11:232 llistxattr:195:233:12:233 flistxattr:196:234:13:234
  removexattr:197:235:14:235 lremovexattr:198:236:15:236 fremovexattr:199:237:16:237 tkill:200:238:130:238
  futex:202:240/422:98:240/422 sched_setaffinity:203:241:122:241 sched_getaffinity:204:242:123:242 set_thread_area:205:243:-:-
  get_thread_area:211:244:-:- io_setup:206:245:0:243 io_destroy:207:246:1:244 io_getevents:208:247:4:245 io_submit:209:248:2:246
  io_cancel:210:249:3:247 exit_group:231:252:94:248 epoll_create:213:254:-:250 epoll_ctl:233:255:21:251 epoll_wait:232:256:-:252
  remap_file_pages:216:257:234:253 set_tid_address:218:258:96:256 timer_create:222:259:107:257
  timer_settime:223:260/409:110:258/409 timer_gettime:224:261/408:108:259/408 timer_getoverrun:225:262:109:260
  timer_delete:226:263:111:261 clock_settime:227:264/404:112:262/404 clock_gettime:228:265/403:113:263/403
  clock_getres:229:266/406:114:264/406 clock_nanosleep:230:267/407:115:265/407 tgkill:234:270:131:268 utimes:235:271:-:269
  mq_open:240:277:180:274 mq_unlink:241:278:181:275 mq_timedsend:242:279/418:182:276/418 mq_timedreceive:243:280/419:183:277/419
  mq_notify:244:281:184:278 mq_getsetattr:245:282:185:279 kexec_load:246:283:104:347 waitid:247:284:95:280
  add_key:248:286:217:309 request_key:249:287:218:310 keyctl:250:288:219:311 ioprio_set:251:289:30:314 ioprio_get:252:290:31:315
  inotify_init:253:291:-:316 inotify_add_watch:254:292:27:317 inotify_rm_watch:255:293:28:318 openat:257:295:56:322
  mkdirat:258:296:34:323 mknodat:259:297:33:324 fchownat:260:298:54:325 futimesat:261:299:-:326 unlinkat:263:301:35:328
  renameat:264:302:38:329 linkat:265:303:37:330 symlinkat:266:304:36:331 readlinkat:267:305:78:332 fchmodat:268:306:53:333
  faccessat:269:307:48:334 pselect6:270:308/413:72:335/413 ppoll:271:309/414:73:336/414 unshare:272:310:97:337
  set_robust_list:273:311:99:338 get_robust_list:274:312:100:339 splice:275:313:76:340 tee:276:315:77:342
  vmsplice:278:316:75:343 getcpu:309:318:168:345 epoll_pwait:281:319:22:346 utimensat:280:320/412:88:348/412
  signalfd:282:321:-:349 timerfd_create:283:322:85:350 eventfd:284:323:-:351 timerfd_settime:286:325/411:86:353/411
  timerfd_gettime:287:326/410:87:354/410 signalfd4:289:327:74:355 eventfd2:290:328:19:356 epoll_create1:291:329:20:357
  dup3:292:330:24:358 pipe2:293:331:59:359 inotify_init1:294:332:26:360 preadv:295:333:69:361 pwritev:296:334:70:362
  rt_tgsigqueueinfo:297:335:240:363 perf_event_open:298:336:241:364 fanotify_init:300:338:262:367 prlimit64:302:340:261:369
  clock_adjtime:305:343/405:266:372/405 syncfs:306:344:267:373 setns:308:346:268:375 getdents64:217:220:61:217
  socket:41:359:198:281 bind:49:361:200:282 connect:42:362:203:283 listen:50:363:201:284 accept:43:-:202:285
  getsockname:51:367:204:286 getpeername:52:368:205:287 socketpair:53:360:199:288 sendto:44:369:206:290 recvfrom:45:371:207:292
  shutdown:48:373:210:293 setsockopt:54:366:208:294 getsockopt:55:365:209:295 sendmsg:46:370:211:296 sendmmsg:307:345:269:374
  recvmsg:47:372:212:297 recvmmsg:299:337/417:243:365/417 accept4:288:364:242:366 semop:65:-:193:298 semget:64:393:190:299
  semctl:66:394:191:300 msgsnd:69:400:189:301 msgrcv:70:401:188:302 msgget:68:399:186:303 msgctl:71:402:187:304
  shmdt:67:398:197:306 shmget:29:395:194:307 shmctl:31:396:195:308 statfs64:-:268:-:266 fstatfs64:-:269:-:267
  fstatat64:-:300:-:327 sendfile64:-:239:-:239 ugetrlimit:-:191:-:191 bdflush:-:134:-:134 sigprocmask:-:126:-:126 ipc:-:117:-:-
  socketcall:-:102:-:- stat64:-:195:-:195 lstat64:-:196:-:196 fstat64:-:197:-:197 fcntl64:-:221:-:221 mmap2:-:192:-:192
  _newselect:-:142:-:142 sgetmask:-:68:-:- ssetmask:-:69:-:- sigpending:-:73:-:73 olduname:-:109:-:- umount:-:22:-:-
  signal:-:48:-:- nice:-:34:-:34 stime:-:25:-:- _llseek:-:140:-:140 waitpid:-:7:-:- pread64:17:180:67:180 pwrite64:18:181:68:181
  arch_prctl:158:384:-:- shmat:30:397:196:305 rt_sigreturn:15:173:139:173 fallocate:285:324:47:352 newfstatat:262:-:79:-
  process_vm_readv:310:347:270:376 process_vm_writev:311:348:271:377 fork:57:2:-:2 vfork:58:190:-:190 setuid32:-:213:-:213
  getuid32:-:199:-:199 setgid32:-:214:-:214 geteuid32:-:201:-:201 getgid32:-:200:-:200 setresuid32:-:208:-:208
  setresgid32:-:210:-:210 getresuid32:-:209:-:209 getresgid32:-:211:-:211 finit_module:313:350:273:379 bpf:321:357:280:386
  seccomp:317:354:277:383 sigaltstack:131:186:132:186 getrandom:318:355:278:384 fadvise64:221:250/272:223:270
  renameat2:316:353:276:382 userfaultfd:323:374:282:388 openat2:437 umount2:166:52:39:52 execve:59:11:221:11
  execveat:322:358:281:387 copy_file_range:326:377:285:391 clone:56:120:220:120 clone3:435 open_by_handle_at:304:342:265:371
  io_uring_setup:425 io_uring_enter:426 io_uring_register:427 mlock2:325:376:284:390 getegid32:-:202:-:202 fsconfig:431
  fspick:433 fsmount:432 fsopen:430 open_tree:428 move_mount:429 mount_setattr:442 memfd_create:319:356:279:385
  memfd_secret:447:447:447:- ioperm:173:101:-:- kexec_file_load:320:-:294:401 pidfd_getfd:438 pidfd_open:434
  pidfd_send_signal:424 pkey_alloc:330:381:289:395 pkey_mprotect:329:380:288:394 pkey_free:331:382:290:396
  landlock_create_ruleset:444 quotactl_fd:443 landlock_restrict_self:446 landlock_add_rule:445 epoll_pwait2:441
  migrate_pages:256:294:238:400 move_pages:279:317:239:344 preadv2:327:378:286:392 pwritev2:328:379:287:393 kcmp:312:349:272:378
  sched_setattr:314:351:274:380 mbind:237:274:235:319 epoll_ctl_old:214:-:-:- lookup_dcookie:212:253:18:249
  modify_ldt:154:123:-:- statx:332:383:291:397 set_mempolicy:238:276:237:321 io_pgetevents:333:385/416:292:399/416
  set_mempolicy_home_node:450 semtimedop:220:420:192:312/420 get_kernel_syms:177:130:-:- readahead:187:225:213:225
  futex_waitv:449 getpmsg:181:188:-:- name_to_handle_at:303:341:264:370 process_mrelease:448 nfsservctl:180:169:42:169
  epoll_wait_old:215:-:-:- rseq:334:386:293:398 create_module:174:127:-:- - sched_getattr:315:352:275:381 faccessat2:439
  _sysctl:156:149:-:149 query_module:178:167:-:- get_mempolicy:239:275:236:320 sync_file_range:277:314:84:- process_madvise:440
  membarrier:324:375:283:389 iopl:172:110:-:- close_range:436 fanotify_mark:301:339:263:368 recv:-:-:-:291 send:-:-:-:289
  sched_process_exit sched_switch page_fault_user page_fault_kernel signal_deliver timerfd s390_pci_mmio_read
  sigaction:-:67:-:67 s390_pci_mmio_write readdir:-:89:-:- s390_sthyi sigsuspend:-:72:-:72 idle:-:112:-:- s390_runtime_instr
  sigreturn:-:119:-:119 s390_guarded_storage cachestat:451 fchmodat2:452 map_shadow_stack:453 riscv_flush_icache riscv_hwprobe
  futex_wake:454 futex_requeue:456 futex_wait:455 oldstat:-:18:-:- switch_endian multiplexer oldlstat:-:84:-:- spu_create
  sync_file_range2:-:-:-:341 oldfstat:-:28:-:- spu_run swapcontext pciconfig_write:-:-:-:273 rtas pciconfig_read:-:-:-:272
  sys_debug_setcontext vm86:-:113/166:-:- oldolduname:-:59:-:- subpage_prot pciconfig_iobase:-:-:-:271 listmount:458
  statmount:457 lsm_get_self_attr:459 lsm_set_self_attr:460 lsm_list_modules:461 mseal:462 uretprobe:335:-:-:- removexattrat:466
  listxattrat:465 getxattrat:464 setxattrat:463 open_tree_attr:467 file_getattr:468 file_setattr:469 listns:470 uprobe:336:-:-:-
  rseq_slice_yield:471
`
  .trim()
  .split(/\s+/);

/** Calls whose event bears another name. */
const EVENT_OF: Readonly<Record<string, string>> = {
  pread64: "pread",
  pwrite64: "pwrite",
  prlimit64: "prlimit",
  ugetrlimit: "getrlimit",
  _llseek: "llseek",
  sendfile64: "sendfile",
  fcntl64: "fcntl",
  setuid32: "setuid",
  setgid32: "setgid",
  setresuid32: "setresuid",
  setresgid32: "setresgid",
  getuid32: "getuid",
  geteuid32: "geteuid",
  getgid32: "getgid",
  getegid32: "getegid",
  getresuid32: "getresuid",
  getresgid32: "getresgid",
};

const GENERIC = eventType("syscall");

function systemCall(row: string, code: number): SystemCall | undefined {
  const [name = "", ...columns] = row.split(":");
  if (code === 0 || name === "-") return undefined;
  const numbersAt = (column: number): readonly number[] => {
    const text = columns.length === 1 ? columns[0] : columns[column];
    return text === undefined || text === "-" ? [] : text.split("/").map(Number);
  };
  return {
    name,
    code,
    event: EVENT_TYPE_BY_NAME.get(EVENT_OF[name] ?? name) ?? GENERIC,
    numbers: { x64: numbersAt(0), i386: numbersAt(1), arm64: numbersAt(2), arm: numbersAt(3) },
  };
}

/** By scap's number; undefined where that stands for no call. */
export const SYSTEM_CALLS: readonly (SystemCall | undefined)[] = TABLE.map((row, code) =>
  systemCall(row, code),
);

/** True for a call that has no event of its own. */
export function isGeneric({ event }: SystemCall): boolean {
  return event === GENERIC;
}

/** The name of a system call by scap's number; undefined for a number that has none. */
export function syscallName(code: number): string | undefined {
  return SYSTEM_CALLS[code]?.name;
}

/**
 * scap's numbers by name of the system calls that Falco knows without an event type of that name
 * (`evt.type = sysinfo`): it carries them as the generic `syscall` event.
 */
export const GENERIC_CALLS: ReadonlyMap<string, number> = new Map(
  SYSTEM_CALLS.flatMap((call) =>
    call === undefined || EVENT_TYPE_BY_NAME.has(call.name) ? [] : [[call.name, call.code]],
  ),
);
