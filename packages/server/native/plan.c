/* Reads the plan: NUL-terminated fields, an operation's name and then as many arguments as the table says. */
#include "supervisor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
  const char *op;
  int arguments;
} arity[] = {
    {"run", 1},     {"exit", 1},  {"key", 1},     {"log", 2},     {"uid", 1},        {"memory", 1},
    {"bwrap", 1},   {"args", 1},  {"seccomp", 1}, {"cwd", 1},     {"cpu-weight", 1}, {"cpu-quota", 1},
    {"cgroup", 1},  {"form", 1},  {"env", 1},   {"command", 1}, {"dir", 2},     {"symlink", 2},    {"ro", 2},
    {"rw", 2},      {"file", 2},  {"own", 1},     {"mount", 4},    {"channel", 4}, {"entry", 3},      {"end", 0},
    {"netns", 1}, {"userns", 1}, {"relay", 2},   {"layers", 1},  {"layer", 1},      {"range", 1},      {"gid", 1},
    {"shown", 1},
};

int plan_next(const struct plan *plan, size_t *offset, struct record *record) {
  if (*offset >= plan->size) return 0;
  record->op = plan->data + *offset;
  *offset += strlen(record->op) + 1;
  for (size_t i = 0; i < sizeof arity / sizeof *arity; i++) {
    if (strcmp(arity[i].op, record->op)) continue;
    for (int a = 0; a < arity[i].arguments; a++) {
      if (*offset >= plan->size) return -1;
      record->arg[a] = plan->data + *offset;
      *offset += strlen(record->arg[a]) + 1;
    }
    return strcmp(record->op, "end") ? 1 : 0;
  }
  return -1;
}

static void append(char ***list, size_t *count, const char *text) {
  *list = realloc(*list, (*count + 2) * sizeof **list);
  if (!*list) abort();
  (*list)[(*count)++] = (char *)text;
  (*list)[*count] = NULL;
}

/* Fills the settings; stops at the first record of the set-up part. */
static int read_settings(struct plan *plan) {
  size_t offset = 0, commands = 0, variables = 0;
  struct record r;
  int got;
  while ((plan->records = offset, got = plan_next(plan, &offset, &r)) > 0) {
    if (!strcmp(r.op, "run")) plan->run = r.arg[0];
    else if (!strcmp(r.op, "exit")) plan->exit = r.arg[0];
    else if (!strcmp(r.op, "key")) plan->key = r.arg[0];
    else if (!strcmp(r.op, "log")) plan->log = r.arg[0], plan->log_max = atoll(r.arg[1]);
    else if (!strcmp(r.op, "uid")) plan->uid = atoll(r.arg[0]);
    else if (!strcmp(r.op, "gid")) plan->gid = atoll(r.arg[0]);
    else if (!strcmp(r.op, "range")) plan->range = atoll(r.arg[0]);
    else if (!strcmp(r.op, "memory")) plan->memory = atoll(r.arg[0]);
    else if (!strcmp(r.op, "cpu-weight")) plan->cpu_weight = atoll(r.arg[0]);
    else if (!strcmp(r.op, "cpu-quota")) plan->cpu_quota = atoll(r.arg[0]);
    else if (!strcmp(r.op, "cgroup")) plan->cgroup = r.arg[0];
    else if (!strcmp(r.op, "bwrap")) plan->bwrap = r.arg[0];
    else if (!strcmp(r.op, "args")) plan->args = r.arg[0];
    else if (!strcmp(r.op, "seccomp")) plan->seccomp = r.arg[0];
    else if (!strcmp(r.op, "form")) plan->form = r.arg[0];
    else if (!strcmp(r.op, "netns")) plan->netns = r.arg[0];
    else if (!strcmp(r.op, "userns")) plan->userns = r.arg[0];
    else if (!strcmp(r.op, "relay") && plan->relays < MAX_RELAYS) {
      plan->relay[plan->relays].from = r.arg[0];
      plan->relay[plan->relays++].to = r.arg[1];
    }
    else if (!strcmp(r.op, "cwd")) plan->cwd = r.arg[0];
    else if (!strcmp(r.op, "command")) append(&plan->command, &commands, r.arg[0]);
    else if (!strcmp(r.op, "env")) append(&plan->env, &variables, r.arg[0]);
    else break;
  }
  return got < 0 || !plan->run || !plan->exit || !plan->key || !plan->log || !plan->command ? -1 : 0;
}

int plan_open(struct plan *plan, const char *path) {
  struct stat about;
  memset(plan, 0, sizeof *plan);
  plan->uid = plan->gid = plan->range = -1;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &about) || about.st_size < 4) return -1;
  plan->size = (size_t)about.st_size;
  plan->data = mmap(NULL, plan->size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (plan->data == MAP_FAILED) return -1;
  /* A file cut short by a crash lacks its last word. */
  if (memcmp(plan->data + plan->size - 4, "end", 4)) return -1;
  return read_settings(plan);
}

void plan_close(struct plan *plan) {
  if (plan->data) munmap(plan->data, plan->size);
  plan->data = NULL;
}
