/* Tries to break out of a sandbox with system calls that Node does not offer. Prints `NAME ERRNO_NAME` a line, `ok` where
 * the kernel let it happen. Used by tests only. Arguments: a process id of the host. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *name, long result) {
  printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
}

static void try_socket(const char *name, int family, int type) {
  int fd = socket(family, type, family == AF_INET && type == SOCK_RAW ? 1 : 0); /* 1: ICMP */
  tell(name, fd);
  if (fd >= 0) close(fd);
}

/* A child that is created in new namespaces would report back as `ok`. */
static long try_clone(unsigned long flags) {
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid((pid_t)pid, NULL, 0);
  return pid;
}

static void list_descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  struct dirent *entry;
  while (folder && (entry = readdir(folder))) {
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder)) printf("descriptor %s\n", entry->d_name);
  }
  if (folder) closedir(folder);
}

int main(int argc, char **argv) {
  char buffer[256] = {0};
  list_descriptors(); /* first: the probes below open some */
  tell("kill-host", kill(argc > 1 ? atoi(argv[1]) : 1, 0));
  tell("unshare-user", unshare(CLONE_NEWUSER));
  tell("unshare-mount", unshare(CLONE_NEWNS));
  tell("clone-user", try_clone(CLONE_NEWUSER));
  tell("clone-net", try_clone(CLONE_NEWNET));
  tell("clone3", syscall(435, buffer, 64));
  tell("setns", syscall(SYS_setns, 0, 0));
  tell("mount", mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
  tell("umount", umount2("/opt/ml", MNT_DETACH));
  tell("open_tree", syscall(428, AT_FDCWD, "/", 1));
  tell("fsopen", syscall(430, "tmpfs", 0));
  tell("mount_setattr", syscall(442, AT_FDCWD, "/", 0, buffer, 32));
  tell("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
  tell("chroot", chroot("/tmp"));
  tell("mknod-block", mknod("/tmp/block", S_IFBLK | 0600, makedev(254, 0)));
  tell("mknod-ml", mknod("/opt/ml/block", S_IFBLK | 0600, makedev(254, 0)));
  tell("keyctl", syscall(SYS_keyctl, 0, -3, 0));
  tell("add_key", syscall(SYS_add_key, "user", "a", "b", 1, -3));
  tell("request_key", syscall(SYS_request_key, "user", "a", NULL, -3));
  tell("io_uring_setup", syscall(425, 1, buffer));
  tell("bpf", syscall(SYS_bpf, 0, buffer, 64));
  tell("perf_event_open", syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0));
  tell("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0));
  tell("process_vm_readv", syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0));
  tell("userfaultfd", syscall(SYS_userfaultfd, 0));
  tell("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, buffer, 0));
  tell("kcmp", syscall(SYS_kcmp, 1, 1, 0, 0, 0));
  tell("sethostname", sethostname("x", 1));
  tell("swapon", syscall(SYS_swapon, "/tmp/x", 0));
  tell("init_module", syscall(SYS_init_module, buffer, 0, ""));
  tell("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
  tell("syslog", syscall(SYS_syslog, 10, NULL, 0));
  tell("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL));
  tell("tiocsti", ioctl(0, TIOCSTI, "x"));
  /* The kernel compares 32 bits of the request; a filter must not be fooled by those above. */
  tell("tiocsti-high", syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, "x"));
  try_socket("socket-vsock", 40, SOCK_STREAM);
  try_socket("socket-packet", 17, SOCK_RAW);
  try_socket("socket-alg", 38, SOCK_SEQPACKET);
  try_socket("socket-key", 15, SOCK_RAW);
  try_socket("socket-xdp", 44, SOCK_RAW);
  try_socket("socket-rds", 21, SOCK_SEQPACKET);
  try_socket("socket-tipc", 30, SOCK_SEQPACKET);
  try_socket("socket-raw", AF_INET, SOCK_RAW);
  try_socket("socket-unix", AF_UNIX, SOCK_STREAM);
  try_socket("socket-inet", AF_INET, SOCK_STREAM);
#ifdef __x86_64__
  tell("x32", syscall(0x40000000 + SYS_getpid));
#endif
  return 0;
}
