/* Limits where the kernel lets us: control groups of version 1, version 2 and the mixture of both. */
#include "supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"
#define OURS "sagebrush"

static int exists(const char *path) { return access(path, F_OK) == 0; }

static int set_number(const char *dir, const char *file, long long value) {
  char path[PATH_MAX + 64], text[32];
  snprintf(path, sizeof path, "%s/%s", dir, file);
  snprintf(text, sizeof text, "%lld", value);
  return poke(path, text);
}

/* @returns The folder of this run below `base`, or NULL where the kernel refuses. */
static char *add(struct cgroup *group, const char *base, const char *name) {
  char parent[PATH_MAX];
  snprintf(parent, sizeof parent, "%s/" OURS, base);
  if (mkdir(parent, 0755) && errno != EEXIST) return NULL;
  char *dir = group->dir[group->count];
  if (snprintf(dir, PATH_MAX, "%s/%s", parent, name) >= PATH_MAX) return NULL;
  if (mkdir(dir, 0755) && errno != EEXIST) return NULL;
  group->count++;
  return dir;
}

static const char *unified_root(void) {
  if (exists(ROOT "/cgroup.controllers")) return ROOT;
  if (exists(ROOT "/unified/cgroup.controllers")) return ROOT "/unified";
  return NULL;
}

static void version_one(struct cgroup *group, const struct plan *plan) {
  char *dir;
  if (exists(ROOT "/memory/memory.limit_in_bytes") || exists(ROOT "/memory/cgroup.procs")) {
    if ((dir = add(group, ROOT "/memory", plan->cgroup))) {
      group->memory = plan->memory > 0 && set_number(dir, "memory.limit_in_bytes", plan->memory) == 0;
      if (group->memory) set_number(dir, "memory.memsw.limit_in_bytes", plan->memory);
      snprintf(group->oom, PATH_MAX, "%.4000s/memory.oom_control", dir);
    }
  }
  if (exists(ROOT "/cpu/cgroup.procs") && (dir = add(group, ROOT "/cpu", plan->cgroup))) {
    group->cpu = set_number(dir, "cpu.shares", plan->cpu_weight * 1024 / 100) == 0;
    if (plan->cpu_quota > 0) group->cpu &= set_number(dir, "cpu.cfs_quota_us", plan->cpu_quota) == 0;
  }
}

static void version_two(struct cgroup *group, const struct plan *plan, const char *base) {
  static const char *const controllers[] = {"+memory", "+cpu"};
  char path[PATH_MAX], text[64], *dir = add(group, base, plan->cgroup);
  if (!dir) return;
  snprintf(group->kill, PATH_MAX, "%.4000s/cgroup.kill", dir);
  if (!exists(group->kill)) group->kill[0] = 0;
  for (size_t i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", base);
    poke(path, controllers[i]);
    snprintf(path, sizeof path, "%s/" OURS "/cgroup.subtree_control", base);
    poke(path, controllers[i]);
  }
  if (plan->memory > 0 && set_number(dir, "memory.max", plan->memory) == 0) {
    group->memory = 1;
    set_number(dir, "memory.swap.max", 0);
    snprintf(group->oom, PATH_MAX, "%.4000s/memory.events", dir);
  }
  if (set_number(dir, "cpu.weight", plan->cpu_weight) == 0) {
    group->cpu = 1;
    snprintf(path, sizeof path, "%.4000s/cpu.max", dir);
    snprintf(text, sizeof text, "%lld 100000", plan->cpu_quota);
    if (plan->cpu_quota > 0) group->cpu = poke(path, text) == 0;
  }
}

void cgroup_create(struct cgroup *group, const struct plan *plan) {
  memset(group, 0, sizeof *group);
  if (!plan->cgroup) return;
  version_one(group, plan);
  const char *base = unified_root();
  if (base) version_two(group, plan, base);
  /* systemd of a mixed host ends units by this hierarchy. */
  if (exists(ROOT "/systemd/cgroup.procs")) add(group, ROOT "/systemd", plan->cgroup);
}

/* Ending the server's systemd unit kills every process of its group; a supervisor must not be among them. */
void cgroup_leave_unit(void) {
  const char *bases[] = {unified_root(), exists(ROOT "/systemd/cgroup.procs") ? ROOT "/systemd" : NULL};
  for (size_t i = 0; i < 2; i++) {
    char path[PATH_MAX];
    if (!bases[i]) continue;
    snprintf(path, sizeof path, "%s/" OURS, bases[i]);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/" OURS "/supervisors", bases[i]);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/" OURS "/supervisors/cgroup.procs", bases[i]);
    poke(path, "0");
  }
}

void cgroup_enter(const struct cgroup *group) {
  char path[PATH_MAX + 32];
  for (int i = 0; i < group->count; i++) {
    snprintf(path, sizeof path, "%s/cgroup.procs", group->dir[i]);
    poke(path, "0");
  }
}

long cgroup_oom_kills(const struct cgroup *group) {
  char text[1024];
  int fd = group->oom[0] ? open(group->oom, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 0;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0) return 0;
  text[got] = 0;
  char *found = strstr(text, "oom_kill "); /* oom_kill_disable comes before it: hence the space */
  return found ? atol(found + 9) : 0;
}

void cgroup_kill(const struct cgroup *group) {
  if (group->kill[0] && poke(group->kill, "1") == 0) return;
  for (int i = 0; i < group->count; i++) {
    char path[PATH_MAX + 32];
    int pid;
    snprintf(path, sizeof path, "%s/cgroup.procs", group->dir[i]);
    FILE *list = fopen(path, "re");
    if (!list) continue;
    while (fscanf(list, "%d", &pid) == 1) kill(pid, SIGKILL);
    fclose(list);
  }
}

void cgroup_remove(const struct cgroup *group) {
  for (int i = 0; i < group->count; i++) {
    /* Busy until the kernel has let go of the last process: a matter of milliseconds. */
    for (int attempt = 0; attempt < 50 && rmdir(group->dir[i]) && errno == EBUSY; attempt++) {
      nanosleep(&(struct timespec){0, 4000000}, NULL);
    }
  }
}
