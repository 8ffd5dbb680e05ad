/* What the parts of the supervisor share. README.md says what the supervisor is for; read supervisor.c first. */
#ifndef SAGEBRUSH_SUPERVISOR_H
#define SAGEBRUSH_SUPERVISOR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- plan.c: the run as the engine wrote it -------------------------------------------------------------------- */

/* One record: the operation's name and its arguments, all inside the mapped file. */
struct record {
  const char *op;
  const char *arg[4];
};

/* A way for connections: `unix:/path` or `tcp:ADDRESS:PORT` on either side. */
enum { MAX_RELAYS = 4 };
struct relay {
  const char *from, *to;
};

struct plan {
  char *data;
  size_t size;
  size_t records; /* offset of the first record of the set-up part (files, mounts, channels) */
  const char *run, *exit, *log, *bwrap, *args, *seccomp, *cwd, *cgroup, *key, *form, *netns, *userns;
  struct relay relay[MAX_RELAYS];
  int relays;
  long long log_max, memory, cpu_weight, cpu_quota;
  long long uid;   /* -1: stay who we are */
  long long gid;   /* -1: the same number */
  long long range; /* first of the RANGE_SIZE ids that are 0 and up inside; -1: `uid` is the only one */
  char **command, **env;
};

enum { RANGE_SIZE = 65536 };

int plan_open(struct plan *plan, const char *path);
/* Reads the record at `*offset` and moves on; 0 at the end. */
int plan_next(const struct plan *plan, size_t *offset, struct record *record);
void plan_close(struct plan *plan);

/* ---- record.c: small files that other processes read ------------------------------------------------------------ */

/* Writes `text` to a temporary name and renames it over `path`; `durable` adds fsync of the file and its folder. */
int record_write(const char *path, const char *text, int durable);
int write_all(int fd, const char *bytes, size_t count);
/* Writes into an existing (kernel) file. */
int poke(const char *path, const char *text);
long long now_millis(void);
/* Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat), 0 if there is none. */
unsigned long long start_ticks(pid_t pid);

/* ---- cgroup.c ------------------------------------------------------------------------------------------------- */

struct cgroup {
  char dir[4][PATH_MAX];
  int count;
  char kill[PATH_MAX];  /* cgroup.kill of the version 2 hierarchy, or empty */
  char oom[PATH_MAX];   /* file that counts oom_kill, or empty */
  int memory, cpu;      /* whether the limit was accepted */
};

void cgroup_create(struct cgroup *group, const struct plan *plan);
void cgroup_leave_unit(void);
void cgroup_enter(const struct cgroup *group);
long cgroup_oom_kills(const struct cgroup *group);
void cgroup_kill(const struct cgroup *group);
void cgroup_remove(const struct cgroup *group);

/* ---- stage.c, channel.c: what the run sees ---------------------------------------------------------------------- */

/* Fails the set-up of the run with a sentence; never returns. Only in the child. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Builds the root in a mount namespace of our own and leaves it mounted on /tmp there. */
void stage_root(const struct plan *plan);
/* Plain processes: channels become private copies at their place. */
void stage_copies(const struct plan *plan);
/* Makes every missing folder of `path`, which is changed and restored; the last component too when `whole`. */
void make_folders(char *path, int whole, long long uid);
/* Shows what lies at `tree` at `target` too, with files of `owner` and `group` as if they were the user `uid`'s, who in turn
 * makes files of theirs. @returns -1 with errno where the kernel or the file system cannot. */
int map_owner(const char *tree, const char *target, uid_t owner, gid_t group, long long uid, int recursive);

enum channel_form { CHANNEL_NONE, CHANNEL_DATA_ONLY, CHANNEL_HARDLINK, CHANNEL_COPY };
extern const char *const channel_form_names[];
/* Handles the records of one channel; `*offset` stands behind its head. */
void channel_mount(const struct plan *plan, const struct record *head, size_t *offset, const char *target);
void channel_copy(const struct plan *plan, const struct record *head, size_t *offset, const char *target);
/* In the work folder, so that no character of its path needs escaping. @returns -1 with errno. */
int mount_overlay(const char *work, const char *target, const char *options);
int mount_mapped(const char *tree, const char *target, int users, int recursive);

/* ---- layers.c: container images ---------------------------------------------------------------------------------- */

/* Handles `layers` and the `layer` records behind it: the image's root is mounted on `stage`. */
void layers_mount(const struct plan *plan, const struct record *head, size_t *offset, const char *stage);
int range_namespace(const struct plan *plan);
int mark_layer(const char *list);

/* Reported with the start: the weakest form that a channel of this run took. Shared by child and supervisor. */
extern enum channel_form *channel_form_used;

/* ---- supervisor.c, launcher.c: starting runs --------------------------------------------------------------------- */

/* Forks the supervisor of a plan, which belongs to nobody once the caller has ended, and says its word on standard output.
 * @returns The caller's exit status. */
int start_run(const char *plan);
/* Starts supervisors as standard input asks for them, until its end. @returns An exit status. */
int launcher(void);

/* ---- network.c: the run's network, and ways into and out of it ---------------------------------------------------- */

/* Enters the run's network namespace, and the user namespace that it belongs to. Only in a child. */
void network_enter(const struct plan *plan);
/* Listens where the plan's relays begin. Only in a child. */
void relay_listen(const struct plan *plan);
/* Carries connections from now on. */
void relay_run(const struct plan *plan) __attribute__((noreturn));

/* ---- log.c, log-gap.c: the run's log and what is dropped of it --------------------------------------------------- */

/* The bytes of a log that were given back: lines begin and end at its ends, and no line lies in it. Offsets of other lines stay
 * as they were. `FILE.gap` tells readers, "START END". */
struct log_gap {
  char path[PATH_MAX];
  int file;              /* for writing in place */
  long long start, end;  /* 0 while nothing was dropped */
};

int gap_open(struct log_gap *gap, const char *path);
/* Gives about `count` bytes behind the first `head` bytes back. @returns -1 where the file system cannot. */
int gap_widen(struct log_gap *gap, long long head, long long count);

struct log_pump {
  int out;
  long long max;  /* bytes that may be on disk */
  long long used; /* bytes that are, of this run */
  long long base; /* bytes that were there before */
  struct log_gap gap;
  int full; /* nothing can be dropped: what follows is */
  size_t held; /* bytes of an unfinished line */
  char line[65536];
};

int log_open(struct log_pump *log, const char *path, long long max);
/* Takes what the pipe has. @returns 0 at its end. */
int log_drain(struct log_pump *log, int pipe);
void log_say(struct log_pump *log, const char *text);
void log_close(struct log_pump *log);

#endif
