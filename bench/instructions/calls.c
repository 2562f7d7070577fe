// SPDX-License-Identifier: Apache-2.0
// What a system call costs the thread that makes it: "name<TAB>nanoseconds" a line, the least of ROUNDS times CALLS calls each. On a
// machine whose clock counts instructions (qemu's -icount shift=0) these are instructions.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5, CALLS = 200, PORT = 7117 };
#define FOLDER "/tmp/instructions"
#define DEEP FOLDER "/2/3/4/5/6/7"

static struct sockaddr_in address = { .sin_family = AF_INET };
static int byte_of, datagrams, listener;

static void must(int is_right, const char *what) {
  if (is_right) return;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void call_getppid(void) { syscall(SYS_getppid); }
static void call_read(void) { char byte; must(read(byte_of, &byte, 1) == 1, "read"); }
static void call_dup(void) { close(dup(byte_of)); }
static void call_socket(void) { close(socket(AF_INET, SOCK_DGRAM, 0)); }
static void call_unix_socket(void) { close(socket(AF_UNIX, SOCK_DGRAM, 0)); }
static void call_udp(void) { must(connect(datagrams, (void *)&address, sizeof(address)) == 0, "connect"); }
// Where the kernel remembers that there is none.
static void open_missing(void) { must(open("/sys/kernel/instructions/none", O_RDONLY) < 0, "a missing file"); }
static void open_and_close(const char *path, int flags) {
  int fd = open(path, flags, 0600);
  must(fd >= 0, path);
  close(fd);
}
static void open_reading(void) { open_and_close(FOLDER "/file", O_RDONLY); }
static void open_writing(void) { open_and_close(FOLDER "/file", O_WRONLY); }
static void open_deep(void) { open_and_close(DEEP "/file", O_RDONLY); }
static void open_asked_folder(void) { open_and_close("/etc/hosts", O_RDONLY); }
static void open_shadow(void) { open_and_close("/etc/shadow", O_RDONLY); }
static void open_etc_writing(void) { open_and_close("/etc/x", O_WRONLY | O_CREAT); }
static void open_link(void) { open_and_close(FOLDER "/link", O_RDONLY); }
static void call_chmod(void) { must(chmod(FOLDER "/file", 0600) == 0, "chmod"); }
static void call_rename(void) {
  must(rename(FOLDER "/file", FOLDER "/other") == 0, "rename");
  must(rename(FOLDER "/other", FOLDER "/file") == 0, "rename");
}
static void make_folder(void) {
  must(mkdir(FOLDER "/new", 0700) == 0, "mkdir");
  must(rmdir(FOLDER "/new") == 0, "rmdir");
}
static void call_tcp(void) {
  struct linger now = { .l_onoff = 1 };
  int client = socket(AF_INET, SOCK_STREAM, 0);
  must(connect(client, (void *)&address, sizeof(address)) == 0, "connect");
  int server = accept(listener, NULL, NULL);
  must(server >= 0, "accept");
  setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(client);
  close(server);
}

static long cpu_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void measure(const char *name, void (*act)(void)) {
  long least = -1;
  act();
  for (int round = 0; round < ROUNDS; round += 1) {
    long start = cpu_ns();
    for (int call = 0; call < CALLS; call += 1) act();
    long took = cpu_ns() - start;
    if (least < 0 || took < least) least = took;
  }
  printf("%s\t%ld\n", name, (least + CALLS / 2) / CALLS);
}

static void prepare(void) {
  const char *folders[] = { FOLDER, FOLDER "/2", FOLDER "/2/3", FOLDER "/2/3/4", FOLDER "/2/3/4/5", FOLDER "/2/3/4/5/6", DEEP };
  for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i += 1) mkdir(folders[i], 0755);
  open_and_close(FOLDER "/file", O_WRONLY | O_CREAT);
  open_and_close(DEEP "/file", O_WRONLY | O_CREAT);
  must(symlink("/etc/shadow", FOLDER "/link") == 0 || errno == EEXIST, "symlink");
  byte_of = open("/dev/zero", O_RDONLY);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(PORT);
  datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  listener = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  must(bind(listener, (void *)&address, sizeof(address)) == 0 && listen(listener, 8) == 0, "listen");
}

int main(void) {
  prepare();
  measure("getppid", call_getppid);
  measure("read of a byte", call_read);
  measure("dup + close", call_dup);
  measure("socket + close, IP", call_socket);
  measure("socket + close, unix", call_unix_socket);
  measure("openat, no such file", open_missing);
  measure("open for reading + close", open_reading);
  measure("open for writing + close", open_writing);
  measure("open for reading + close, eight deep", open_deep);
  measure("open for reading + close, in /etc", open_asked_folder);
  measure("open of /etc/shadow + close", open_shadow);
  measure("open of /etc/shadow by a link + close", open_link);
  measure("open of /etc/x for writing + close", open_etc_writing);
  measure("chmod", call_chmod);
  measure("rename and back", call_rename);
  measure("mkdir + rmdir", make_folder);
  measure("connect, UDP", call_udp);
  measure("connect + accept + close, TCP", call_tcp);
  return 0;
}
