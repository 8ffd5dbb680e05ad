/* Starts one run and stays with it: `sagebrush-supervisor PLAN`.
 *
 * The process that the server started forks and ends, so the supervisor belongs to nobody and lives on when the server
 * dies. It writes into the run's folder `pid` ("PID START_TICKS BOOT_ID") when it has taken over and `started`
 * ("EPOCH_MILLISECONDS MEMORY CPU CHANNELS") when the run's first program was executed, `child` and `inner` (its
 * processes, for whoever must clear up after a supervisor that was killed); at the end it writes the exit
 * record ("CODE STARTED ENDED REASON"), durably. On SIGTERM it reads the milliseconds of grace from `stop`, sends
 * SIGTERM to the run's first process and SIGKILL to everything when the time is over. Standard output carries one
 * word for the server: `ok`, `held` (another supervisor has this run) or `failed SENTENCE`.
 *
 * For containers of other engines: `sagebrush-supervisor channels PLAN` only lays channels, and says on standard output
 * why it could not; `sagebrush-supervisor unmount FOLDER` undoes one; `sagebrush-supervisor relay PLAN` carries
 * connections across the border of a container's network, and says `ok` once it does. `sagebrush-supervisor launcher` starts
 * supervisors for the server (launcher.c). */
#include "supervisor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SETUP_FAILED = 125, DEFAULT_GRACE = 10000, DRAIN_MILLIS = 2000 };

static struct plan plan;
static struct cgroup group;
static struct log_pump output;
static char run_path[PATH_MAX], exit_path[PATH_MAX];
static int error_pipe = -1; /* the child's way to say why it could not start */

struct life {
  pid_t child;
  pid_t inner; /* process 1 of the run's pid namespace, as seen from here; 0 while unknown */
  int info, pipe, signals;
  long long deadline; /* when everything is killed; 0: nobody asked */
  int term_pending, killed;
  long long started;
};

void fail(const char *format, ...) {
  char text[1024];
  va_list rest;
  va_start(rest, format);
  int size = vsnprintf(text, sizeof text, format, rest);
  va_end(rest);
  (void)!write(error_pipe, text, size < (int)sizeof text ? (size_t)size : sizeof text - 1);
  _exit(SETUP_FAILED);
}

static void answer(const char *text) {
  /* The server may have died meanwhile; the run does not need it. */
  (void)!write(STDOUT_FILENO, text, strlen(text));
}

static const char *in_run(const char *name) {
  static char path[PATH_MAX];
  snprintf(path, sizeof path, "%.4000s/%s", run_path, name);
  return path;
}

/* Writes "PID START_TICKS BOOT_ID": a process that cannot be mistaken for a later one of the same number. */
static int write_identity(const char *name, pid_t pid) {
  char boot[64] = "-", text[160];
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    ssize_t got = read(fd, boot, sizeof boot - 1);
    boot[got > 0 ? got - 1 : 0] = 0;
    close(fd);
  }
  snprintf(text, sizeof text, "%d %llu %s\n", (int)pid, start_ticks(pid), boot);
  return record_write(in_run(name), text, 0);
}

static void close_from(unsigned first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
  for (int fd = (int)first; fd < 65536; fd++) close(fd);
}

/* Reads a child's complaint to its end: an empty text is none. */
static void read_text(int fd, char *text, size_t room) {
  size_t size = 0;
  ssize_t got;
  while (size < room - 1 && ((got = read(fd, text + size, room - 1 - size)) > 0 || (got < 0 && errno == EINTR))) {
    if (got > 0) size += (size_t)got;
  }
  text[size] = 0;
  close(fd);
}

/* ---- The child: from fork to exec ------------------------------------------------------------------------------- */

static int keep_open(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) fail("%s: %s", path, strerror(errno));
  return fd;
}

static void limit_resources(void) {
  struct rlimit files;
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

/* No server outlives its supervisor: whatever else is true, an unsupervised run would have no exit status. */
static void die_with(pid_t supervisor) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(SETUP_FAILED);
}

static void run_sandboxed(pid_t supervisor, int info) {
  char args[16], seccomp[16], status[16], users[16], *argv[4096];
  int n = 0;
  /* Before the root is staged: afterwards these paths may be covered, or out of our reach. */
  snprintf(args, sizeof args, "%d", keep_open(plan.args));
  snprintf(seccomp, sizeof seccomp, "%d", keep_open(plan.seccomp));
  network_enter(&plan);
  stage_root(&plan);
  snprintf(status, sizeof status, "%d", info);
  fcntl(info, F_SETFD, 0);
  cgroup_enter(&group);
  if (plan.range >= 0) {
    int fd = range_namespace(&plan);
    fcntl(fd, F_SETFD, 0);
    snprintf(users, sizeof users, "%d", fd);
  }
  if (plan.uid >= 0) {
    uid_t uid = (uid_t)plan.uid;
    gid_t gid = plan.gid >= 0 ? (gid_t)plan.gid : (gid_t)uid;
    (void)!fchown(STDOUT_FILENO, uid, gid); /* programs open /dev/stdout and /dev/stderr anew; without, they fail */
    if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) fail("user %u: %s", uid, strerror(errno));
  }
  die_with(supervisor); /* a change of user had cleared it */
  const char *fixed[] = {plan.bwrap, "--args", args, "--seccomp", seccomp, "--info-fd", status, NULL};
  while (fixed[n]) argv[n] = (char *)fixed[n], n++;
  /* As --sync-fd too, which bubblewrap keeps for itself: the run would inherit it otherwise. */
  if (plan.range >= 0) argv[n++] = "--userns", argv[n++] = users, argv[n++] = "--sync-fd", argv[n++] = users;
  argv[n++] = "--";
  for (char **word = plan.command; *word; word++) {
    if (n == sizeof argv / sizeof *argv - 1) fail("a command of more than %d words", n);
    argv[n++] = *word;
  }
  argv[n] = NULL;
  char *empty[] = {NULL}; /* a run's LD_PRELOAD must not reach bubblewrap: its environment goes through --args */
  execve(plan.bwrap, argv, empty);
  fail("%s: %s", plan.bwrap, strerror(errno));
}

static void run_plain(pid_t supervisor) {
  stage_copies(&plan);
  cgroup_enter(&group);
  if (plan.cwd && chdir(plan.cwd)) fail("%s: %s", plan.cwd, strerror(errno));
  die_with(supervisor);
  char *empty[] = {NULL};
  execve(plan.command[0], plan.command, plan.env ? plan.env : empty);
  dprintf(STDERR_FILENO, "sagebrush: %s: %s\n", plan.command[0], strerror(errno));
  _exit(127); /* as a shell would: the run began, its program is not there */
}

static void run_child(pid_t supervisor, int out, int info) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  setsid();
  umask(022);
  die_with(supervisor);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  limit_resources();
  poke("/proc/self/oom_score_adj", "300"); /* when the host runs out, runs go before servers */
  if (plan.bwrap) run_sandboxed(supervisor, info);
  run_plain(supervisor);
}

/* ---- Relays ----------------------------------------------------------------------------------------------------- */

/* A process of its own, since it lives in the run's network namespace: our user there, none of our files. */
static void be_relay(pid_t supervisor) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL); /* it ignores SIGPIPE, as we do */
  die_with(supervisor);
  int nothing = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
  dup2(error_pipe, 3);
  close_from(4);
  error_pipe = 3;
  network_enter(&plan);
  die_with(supervisor); /* entering a user namespace had cleared it */
  relay_listen(&plan);
  close(error_pipe);
  relay_run(&plan);
}

/* @returns Why it could not be started in `why`, or an empty text once it listens. */
static void start_relay(char *why, size_t room) {
  int error[2];
  pid_t supervisor = getpid();
  why[0] = 0;
  if (plan.relays == 0) return;
  if (pipe2(error, O_CLOEXEC)) exit(1);
  error_pipe = error[1];
  if (fork() == 0) be_relay(supervisor);
  close(error[1]);
  read_text(error[0], why, room);
}

/* ---- The end of a run -------------------------------------------------------------------------------------------- */

static void kill_children_of(pid_t pid) {
  char path[64];
  int child;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
  FILE *list = fopen(path, "re");
  if (!list) return;
  while (fscanf(list, "%d", &child) == 1) kill(child, SIGKILL);
  fclose(list);
}

static void kill_everything(const struct life *life) {
  if (life->inner > 0) kill(life->inner, SIGKILL); /* takes its whole pid namespace along */
  cgroup_kill(&group);
  if (life->child > 0 && (!plan.bwrap || !life->inner)) kill(-life->child, SIGKILL);
  kill_children_of(getpid());
}

/* bubblewrap does not pass SIGTERM on: the run's first process is the first child of the namespace's process 1. */
static int terminate(const struct life *life) {
  char path[64];
  int first;
  if (!plan.bwrap) return kill(life->child, SIGTERM) == 0;
  if (!life->inner) return 0;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)life->inner, (int)life->inner);
  FILE *list = fopen(path, "re");
  if (!list) return 0;
  int found = fscanf(list, "%d", &first) == 1;
  fclose(list);
  return found && kill(first, SIGTERM) == 0;
}

static void asked_to_stop(struct life *life) {
  char text[32] = "";
  long long grace = DEFAULT_GRACE;
  int fd = open(in_run("stop"), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    ssize_t got = read(fd, text, sizeof text - 1);
    if (got > 0) grace = atoll(text);
    close(fd);
  }
  long long deadline = now_millis() + grace;
  if (life->deadline == 0) life->term_pending = 1;
  if (life->deadline == 0 || deadline < life->deadline) life->deadline = deadline;
}

static int take_signals(struct life *life) {
  struct signalfd_siginfo signal;
  int child_ended = 0;
  while (read(life->signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
    if (signal.ssi_signo == SIGCHLD) child_ended = 1;
    else asked_to_stop(life);
  }
  return child_ended;
}

/* bubblewrap writes its JSON in pieces: closing our end before the last would kill it. */
static void take_info(struct life *life) {
  static char text[512];
  static size_t size;
  ssize_t got = read(life->info, text + size, sizeof text - 1 - size);
  if (got > 0) {
    size += (size_t)got;
    text[size] = 0;
    char *found = strstr(text, "\"child-pid\":");
    if (found && strchr(found, '\n') && !life->inner) {
      life->inner = atoi(found + 12);
      write_identity("inner", life->inner);
    }
    return;
  }
  close(life->info);
  life->info = -1;
}

static int wait_millis(const struct life *life) {
  if (life->term_pending && life->deadline > now_millis()) return 2; /* until bubblewrap has made the first process */
  if (life->deadline == 0 || life->killed) return life->killed ? 200 : -1;
  long long left = life->deadline - now_millis();
  return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* Reaps what has ended. @returns 1 with the status when it was the run itself. */
static int reap(const struct life *life, int *status) {
  pid_t pid;
  int one, mine = 0;
  while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
    if (pid == life->child) *status = one, mine = 1;
  }
  return mine;
}

static int follow(struct life *life) {
  int status = 0, piped = 1;
  for (;;) {
    struct pollfd polls[] = {{life->signals, POLLIN, 0}, {piped ? life->pipe : -1, POLLIN, 0}, {life->info, POLLIN, 0}};
    poll(polls, 3, wait_millis(life));
    if (polls[2].revents) take_info(life);
    if (polls[1].revents) piped = log_drain(&output, life->pipe);
    if (polls[0].revents && take_signals(life) && reap(life, &status)) return status;
    if (life->term_pending && terminate(life)) life->term_pending = 0;
    if (life->deadline && now_millis() >= life->deadline) {
      kill_everything(life);
      life->killed = 1;
    }
  }
}

/* Processes that the run left behind hold its output open: they end before the log does. */
static void clear_up(struct life *life) {
  long long until = now_millis() + DRAIN_MILLIS;
  if (!plan.bwrap) kill(-life->child, SIGKILL);
  life->child = life->inner = 0; /* gone: the numbers may belong to others from now on */
  do {
    kill_everything(life);
    struct pollfd poll_pipe = {life->pipe, POLLIN, 0};
    poll(&poll_pipe, 1, 20);
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    if (!log_drain(&output, life->pipe)) break;
  } while (now_millis() < until);
}

static void record_exit(int code, long long started, const char *reason) {
  char text[128];
  log_close(&output);
  snprintf(text, sizeof text, "%d %lld %lld %s\n", code, started, now_millis(), reason);
  if (record_write(exit_path, text, 1)) record_write(exit_path, text, 1);
}

/* ---- The supervisor ---------------------------------------------------------------------------------------------- */

static int take_over(void) {
  int lock = open(in_run("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) || access(in_run("pid"), F_OK) == 0) return -1;
  return write_identity("pid", getpid());
}

static int block_signals(void) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGINT);
  sigprocmask(SIG_BLOCK, &mask, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* @returns The child's complaint in `why`, or an empty text once its program runs. */
static void start_child(struct life *life, char *why, size_t room) {
  int out[2], info[2], error[2], nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  pid_t supervisor = getpid();
  if (pipe2(out, O_CLOEXEC) || pipe2(info, O_CLOEXEC) || pipe2(error, O_CLOEXEC)) exit(1);
  error_pipe = error[1];
  dup2(nothing, STDIN_FILENO);
  dup2(nothing, STDERR_FILENO);
  life->child = fork();
  if (life->child == 0) run_child(supervisor, out[1], info[1]);
  close(out[1]);
  close(info[1]);
  close(error[1]);
  read_text(error[0], why, room);
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  life->pipe = out[0];
  life->info = info[0];
}

static void supervise(void) {
  struct life life = {0};
  char why[1024], text[1200];
  setsid();
  umask(077);
  close_from(3);
  (void)!chdir("/");
  if (take_over()) {
    answer("held\n");
    exit(0);
  }
  life.signals = block_signals();
  if (log_open(&output, plan.log, plan.log_max)) {
    snprintf(text, sizeof text, "failed %s: %s\n", plan.log, strerror(errno));
    unlink(in_run("pid"));
    answer(text);
    exit(1);
  }
  channel_form_used = mmap(NULL, sizeof *channel_form_used, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (geteuid() == 0) cgroup_leave_unit();
  cgroup_create(&group, &plan);
  start_relay(why, sizeof why);
  if (!why[0]) start_child(&life, why, sizeof why);
  life.started = now_millis();
  if (why[0]) {
    snprintf(text, sizeof text, "sagebrush: the run could not be started: %s", why);
    log_say(&output, text);
    if (life.child > 0) waitpid(life.child, NULL, 0);
    cgroup_remove(&group);
    record_exit(SETUP_FAILED, life.started, "");
    snprintf(text, sizeof text, "failed %s\n", why);
    answer(text);
    exit(1);
  }
  write_identity("child", life.child);
  snprintf(text, sizeof text, "%lld %d %d %s\n", life.started, group.memory, group.cpu, channel_form_names[*channel_form_used]);
  record_write(in_run("started"), text, 0);
  answer("ok\n");
  dup2(STDIN_FILENO, STDOUT_FILENO);
  plan_close(&plan); /* a channel of many files made it large */
  int status = follow(&life);
  clear_up(&life);
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (life.killed) code = 128 + SIGKILL;
  const char *reason = code == 137 && !life.killed && cgroup_oom_kills(&group) > 0 ? "out-of-memory" : "";
  cgroup_remove(&group);
  record_exit(code, life.started, reason);
}

/* Lays a plan's channels at their places in the caller's own mount namespace, for containers that another program makes. */
static int lay_channels(const char *path) {
  enum channel_form form = CHANNEL_NONE;
  struct record record;
  char target[PATH_MAX];
  error_pipe = STDOUT_FILENO;
  channel_form_used = &form;
  if (plan_open(&plan, path)) fail("the plan cannot be read");
  umask(022);
  for (size_t offset = plan.records; plan_next(&plan, &offset, &record) > 0;) {
    if (strcmp(record.op, "channel")) continue;
    snprintf(target, sizeof target, "%s", record.arg[0]);
    make_folders(target, 1, plan.uid);
    channel_mount(&plan, &record, &offset, target);
  }
  return 0;
}

static void add_address(const char *name, const char *address) {
  struct ifreq request = {0};
  struct sockaddr_in *field = (struct sockaddr_in *)&request.ifr_addr;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  field->sin_family = AF_INET;
  int bad = fd < 0 || inet_pton(AF_INET, address, &field->sin_addr) != 1 || ioctl(fd, SIOCSIFADDR, &request);
  field->sin_addr.s_addr = htonl(0xffffffff); /* this address alone */
  if (bad || ioctl(fd, SIOCSIFNETMASK, &request)) fail("the address %s: %s", address, strerror(errno));
  close(fd);
}

/* Gives a container that another program made the plan's relays and the address at which the first one begins. The
 * relay lives until it is killed: its identity is the file `relay` in the run's folder. */
static int relay_container(const char *path) {
  char address[64];
  error_pipe = STDOUT_FILENO;
  if (plan_open(&plan, path) || plan.relays == 0) fail("the plan cannot be read");
  snprintf(run_path, sizeof run_path, "%s", plan.run);
  if (sscanf(plan.relay[0].from, "tcp:%63[0-9.]", address) != 1) fail("%s is no address", plan.relay[0].from);
  pid_t pid = fork();
  if (pid < 0) fail("%s", strerror(errno));
  if (pid > 0) return 0;
  setsid();
  umask(077);
  (void)!chdir("/");
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  network_enter(&plan);
  add_address("lo:1", address);
  relay_listen(&plan);
  if (write_identity("relay", getpid())) fail("%s: %s", in_run("relay"), strerror(errno));
  answer("ok\n");
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
  relay_run(&plan);
}

int start_run(const char *path) {
  if (plan_open(&plan, path)) {
    answer("failed the plan cannot be read\n");
    return 2;
  }
  snprintf(run_path, sizeof run_path, "%s", plan.run);
  snprintf(exit_path, sizeof exit_path, "%s", plan.exit);
  pid_t pid = fork();
  if (pid < 0) return 2;
  if (pid == 0) supervise();
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "probe")) return 0; /* a program that is sure to run inside a sandbox */
  if (argc == 3 && !strcmp(argv[1], "channels")) return lay_channels(argv[2]);
  if (argc == 3 && !strcmp(argv[1], "relay")) return relay_container(argv[2]);
  if (argc == 3 && !strcmp(argv[1], "unmount")) return umount2(argv[2], MNT_DETACH | UMOUNT_NOFOLLOW) ? errno : 0;
  if (argc == 3 && !strcmp(argv[1], "mark")) return mark_layer(argv[2]);
  if (argc == 2 && !strcmp(argv[1], "launcher")) return launcher();
  return start_run(argc == 2 ? argv[1] : "");
}
