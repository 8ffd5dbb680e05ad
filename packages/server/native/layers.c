/* The root of a container image: its unpacked layers, seen as the run's own, under a private upper layer. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <grp.h>

/* A user namespace that belongs to `plan->uid` and in which the run's range begins with 0: whoever is that user may enter it and
 * has every capability there. @returns Its descriptor. */
int range_namespace(const struct plan *plan) {
  char path[64], map[64];
  int ready[2];
  uid_t uid = (uid_t)plan->uid;
  gid_t gid = (gid_t)(plan->gid >= 0 ? plan->gid : plan->uid);
  if (pipe2(ready, O_CLOEXEC)) fail("pipe: %s", strerror(errno));
  pid_t holder = fork();
  if (holder == 0) {
    int bad = setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid) || unshare(CLONE_NEWUSER);
    (void)!write(ready[1], bad ? "n" : "y", 1);
    for (;;) pause(); /* killed below */
  }
  int fd = -1;
  if (holder > 0 && read(ready[0], path, 1) == 1 && path[0] == 'y') {
    snprintf(map, sizeof map, "0 %lld %d", plan->range, RANGE_SIZE);
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)holder);
    int bad = poke(path, map);
    snprintf(path, sizeof path, "/proc/%d/gid_map", (int)holder);
    bad |= poke(path, map);
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)holder);
    if (!bad) fd = open(path, O_RDONLY | O_CLOEXEC);
  }
  int saved = errno;
  if (holder > 0) {
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
  }
  close(ready[0]);
  close(ready[1]);
  if (fd < 0) fail("user namespace of the run: %s", strerror(saved));
  return fd;
}

/* What a step needs to be there before something is mounted: real folders and files of the upper layer, which hide whatever links
 * the image has at their place. Nothing is mounted through a path that the image chose. */
static void prepare_place(const struct plan *plan, const struct record *r, const char *upper) {
  char path[PATH_MAX];
  struct stat about;
  const char *inside = r->arg[1];
  int whole = 1;
  if (!strcmp(r->op, "dir") || !strcmp(r->op, "channel")) inside = r->arg[0];
  else if (!strcmp(r->op, "file")) inside = r->arg[0], whole = 0;
  else if (!strcmp(r->op, "ro") || !strcmp(r->op, "rw")) whole = stat(r->arg[0], &about) == 0 && S_ISDIR(about.st_mode);
  else return;
  if (snprintf(path, sizeof path, "%s%s", upper, inside) >= (int)sizeof path) fail("%s: too long", inside);
  long long owner = plan->range >= 0 ? plan->range : plan->uid;
  make_folders(path, whole, owner);
  if (whole) return;
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0 || (owner >= 0 && fchown(fd, (uid_t)owner, (gid_t)owner))) fail("%s: %s", path, strerror(errno));
  close(fd);
}

static void in_work(const char *work, const char *name, long long owner, char *path) {
  if (snprintf(path, PATH_MAX, "%s/%s", work, name) >= PATH_MAX) fail("%s: too long", work);
  if (mkdir(path, 0755) && errno != EEXIST) fail("%s: %s", path, strerror(errno));
  if (owner >= 0 && chown(path, (uid_t)owner, (gid_t)owner)) fail("%s: %s", path, strerror(errno));
}

/* Shows a layer at work/NUMBER: with the run's range instead of the ids on disk where we may, else as it is. */
static void show_layer(const struct plan *plan, const char *layer, const char *target, int users) {
  if (plan->range >= 0 ? mount_mapped(layer, target, users, 0) : mount(layer, target, NULL, MS_BIND, NULL)) {
    fail("layer %s: %s", layer, strerror(errno));
  }
}

void layers_mount(const struct plan *plan, const struct record *head, size_t *offset, const char *stage) {
  char path[PATH_MAX], upper[PATH_MAX], work[PATH_MAX], name[16], options[PATH_MAX];
  long long owner = plan->range >= 0 ? plan->range : plan->uid;
  struct record r;
  int count = 0;
  snprintf(work, sizeof work, "%s", head->arg[0]);
  make_folders(work, 1, -1);
  in_work(work, "upper", owner, upper);
  in_work(work, "work", owner, path);
  for (size_t next = *offset; plan_next(plan, &next, &r) > 0;) prepare_place(plan, &r, upper);
  int users = plan->range >= 0 ? range_namespace(plan) : -1;
  /* The uppermost comes first, in the plan and in the mount's options. */
  int size = snprintf(options, sizeof options, "%s,lowerdir=", plan->range >= 0 ? "redirect_dir=on,metacopy=on" : "userxattr");
  for (size_t next = *offset; plan_next(plan, &next, &r) > 0 && !strcmp(r.op, "layer"); *offset = next) {
    snprintf(name, sizeof name, "%d", count);
    in_work(work, name, -1, path);
    show_layer(plan, r.arg[0], path, users);
    size += snprintf(options + size, sizeof options - (size_t)size, count++ ? ":%s" : "%s", name);
    if (size > (int)sizeof options - 64) fail("an image of more than %d layers", count);
  }
  snprintf(options + size, sizeof options - (size_t)size, ",upperdir=upper,workdir=work");
  if (mount_overlay(work, stage, options)) fail("overlay of %d layers: %s", count, strerror(errno));
  for (int i = 0; i < count; i++) {
    if (snprintf(path, sizeof path, "%s/%d", work, i) < (int)sizeof path) umount2(path, MNT_DETACH);
  }
  if (users >= 0) close(users);
}

/* `sagebrush-supervisor mark LIST`: makes what an unpacked layer hides. The list holds NUL-terminated fields: `whiteout` (a name
 * that lower layers must not show) or `opaque` (a folder whose lower content must not show), then the path. */
int mark_layer(const char *list) {
  static char text[1 << 23];
  int fd = open(list, O_RDONLY | O_CLOEXEC);
  ssize_t size = 0, got;
  while (fd >= 0 && size < (ssize_t)sizeof text && (got = read(fd, text + size, sizeof text - (size_t)size)) > 0) size += got;
  if (fd < 0 || size == (ssize_t)sizeof text || (size > 0 && text[size - 1])) return 2;
  const char *attribute = geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque";
  for (char *at = text; at < text + size;) {
    char *word = at, *path = word + strlen(word) + 1;
    if (path >= text + size) return 2;
    at = path + strlen(path) + 1;
    int bad = !strcmp(word, "opaque") ? lsetxattr(path, attribute, "y", 1, 0) : mknod(path, S_IFCHR, makedev(0, 0));
    if (bad && errno != EEXIST) {
      fprintf(stderr, "%s %s: %s\n", word, path, strerror(errno));
      return 1;
    }
  }
  return 0;
}
