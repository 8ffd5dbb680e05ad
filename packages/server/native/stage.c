/* Builds what a sandboxed run sees: a small tree of bind mounts in a mount namespace of its own. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* linux/mount.h cannot be included beside sys/mount.h on older systems: its numbers, by hand. */
struct mount_attributes {
  uint64_t set, clear, propagation, userns;
};
enum { RDONLY = 1, NOSUID = 2, NODEV = 4 };

void make_folders(char *path, int whole, long long uid) {
  for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
    if (!slash && !whole) return;
    if (slash) *slash = 0;
    if (mkdir(path, 0755) == 0) {
      if (uid >= 0 && lchown(path, (uid_t)uid, (gid_t)uid)) fail("chown of %s: %s", path, strerror(errno));
    } else if (errno != EEXIST) {
      fail("folder %s: %s", path, strerror(errno));
    }
    if (!slash) return;
    *slash = '/';
  }
}

/* Kernels before 5.12: one mount, whose own flags must be repeated or a user namespace may not change it. */
static int remount(const char *path, unsigned flags) {
  struct statvfs about;
  unsigned long old = 0;
  if (statvfs(path, &about)) return -1;
  if (about.f_flag & ST_RDONLY) old |= MS_RDONLY;
  if (about.f_flag & ST_NOEXEC) old |= MS_NOEXEC;
  if (about.f_flag & ST_NOATIME) old |= MS_NOATIME;
  if (about.f_flag & ST_NODIRATIME) old |= MS_NODIRATIME;
  if (about.f_flag & ST_RELATIME) old |= MS_RELATIME;
  return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | old | (flags & RDONLY ? MS_RDONLY : 0), NULL);
}

static void restrict_mount(const char *path, unsigned flags) {
  struct mount_attributes attributes = {.set = flags | NOSUID | NODEV};
  if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof attributes) == 0) return;
  if (errno != ENOSYS || remount(path, flags)) fail("restricting %s: %s", path, strerror(errno));
}

static void bind(const char *source, char *target, unsigned flags, long long uid) {
  struct stat about;
  if (stat(source, &about)) fail("%s: %s", source, strerror(errno));
  make_folders(target, S_ISDIR(about.st_mode), uid);
  if (!S_ISDIR(about.st_mode)) {
    int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) fail("mount point %s: %s", target, strerror(errno));
    close(fd);
  }
  if (mount(source, target, NULL, MS_BIND | MS_REC, NULL)) fail("binding %s: %s", source, strerror(errno));
  restrict_mount(target, flags);
}

/* The directory at `path` below `root`, with no link on the way: whoever may write there could lead us elsewhere. */
static int open_below(const char *root, const char *path) {
  char names[PATH_MAX], *rest = NULL;
  int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("%s: %s", root, strerror(errno));
  if (snprintf(names, sizeof names, "%s", path) >= (int)sizeof names) fail("%s: too long", path);
  for (char *name = strtok_r(names, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
    if (!strcmp(name, "..")) fail("%s leads out of %s", path, root);
    int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) fail("%s in %s: %s", path, root, strerror(errno));
    close(fd);
    fd = next;
  }
  return fd;
}

/* A directory that others share. The run acts as its owner there, or as who it is where the file system maps no users. */
static void mount_shared(const struct plan *plan, const struct record *r, char *target) {
  char source[64];
  struct stat about;
  int fd = open_below(r->arg[0], r->arg[1]);
  if (fstat(fd, &about)) fail("%s in %s: %s", r->arg[1], r->arg[0], strerror(errno));
  snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
  make_folders(target, 1, plan->uid);
  int mapped = plan->uid >= 0 && map_owner(source, target, about.st_uid, about.st_gid, plan->uid, 1) == 0;
  if (!mapped && mount(source, target, NULL, MS_BIND | MS_REC, NULL)) fail("binding %s: %s", r->arg[0], strerror(errno));
  close(fd);
  restrict_mount(target, !strcmp(r->arg[3], "ro") ? RDONLY : 0);
}

static void put_file(char *path, const char *text) {
  make_folders(path, 0, -1);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0 || write_all(fd, text, strlen(text))) fail("%s: %s", path, strerror(errno));
  close(fd);
}

static long long owner;

static int own_one(const char *path, const struct stat *about, int kind, struct FTW *where) {
  (void)kind, (void)where;
  if (about->st_uid == (uid_t)owner && about->st_gid == (gid_t)owner) return 0;
  return lchown(path, (uid_t)owner, (gid_t)owner);
}

static void own(const char *folder, long long uid) {
  if (uid < 0) return;
  owner = uid;
  if (nftw(folder, own_one, 32, FTW_PHYS | FTW_MOUNT)) fail("chown of %s: %s", folder, strerror(errno));
}

/* Folders of the image that come back when all is mounted: kept as mounts of their own, which nothing covers. */
enum { MAX_SHOWN = 64 };
static struct {
  int tree;
  char path[PATH_MAX];
} shown[MAX_SHOWN];
static int shown_count;

static void keep_shown(const char *path) {
  struct stat about;
  if (lstat(path, &about) || !S_ISDIR(about.st_mode) || shown_count == MAX_SHOWN) return; /* the run does without */
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC | AT_SYMLINK_NOFOLLOW);
  if (tree < 0) fail("%s of the image: %s", path, strerror(errno));
  shown[shown_count].tree = tree;
  snprintf(shown[shown_count++].path, PATH_MAX, "%s", path);
}

static void show_kept(const struct plan *plan) {
  for (int i = 0; i < shown_count; i++) {
    char *path = shown[i].path;
    make_folders(path, 1, plan->uid);
    if (syscall(SYS_move_mount, shown[i].tree, "", AT_FDCWD, path, 4 /* MOVE_MOUNT_F_EMPTY_PATH */)) {
      fail("%s of the image: %s", path, strerror(errno));
    }
    close(shown[i].tree);
  }
}

static void apply(const struct plan *plan, const struct record *r, size_t *offset, const char *stage) {
  char path[PATH_MAX];
  if (!strcmp(r->op, "own")) {
    own(r->arg[0], plan->uid);
    return;
  }
  const char *inside = !strcmp(r->op, "mount") ? r->arg[2] : !strcmp(r->op, "shown") || !strcmp(r->op, "channel") || !strcmp(r->op, "dir") || !strcmp(r->op, "file") ? r->arg[0] : r->arg[1];
  if (snprintf(path, sizeof path, "%s%s", stage, inside) >= (int)sizeof path) fail("%s: too long", inside);
  if (!strcmp(r->op, "dir")) {
    make_folders(path, 1, -1);
    if (chmod(path, (mode_t)strtol(r->arg[1], NULL, 8))) fail("%s: %s", path, strerror(errno));
  } else if (!strcmp(r->op, "symlink")) {
    make_folders(path, 0, -1);
    if (symlink(r->arg[0], path)) fail("link %s: %s", path, strerror(errno));
  } else if (!strcmp(r->op, "ro")) {
    bind(r->arg[0], path, RDONLY, -1);
  } else if (!strcmp(r->op, "rw")) {
    bind(r->arg[0], path, 0, -1);
  } else if (!strcmp(r->op, "file")) {
    put_file(path, r->arg[1]);
  } else if (!strcmp(r->op, "mount")) {
    mount_shared(plan, r, path);
  } else if (!strcmp(r->op, "shown")) {
    keep_shown(path);
  } else if (!strcmp(r->op, "channel")) {
    make_folders(path, 1, plan->uid);
    channel_mount(plan, r, offset, path);
    restrict_mount(path, !strcmp(r->arg[3], "ro") ? RDONLY : 0);
  } else {
    fail("unknown step %s", r->op);
  }
}

/* With the privileges of our own user: a user namespace where we may mount, and nothing else changes. */
static void become_mounter(void) {
  char text[64];
  unsigned uid = geteuid(), gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) fail("user namespaces are not allowed here: %s", strerror(errno));
  poke("/proc/self/setgroups", "deny");
  snprintf(text, sizeof text, "%u %u 1", uid, uid);
  if (poke("/proc/self/uid_map", text)) fail("uid map: %s", strerror(errno));
  snprintf(text, sizeof text, "%u %u 1", gid, gid);
  if (poke("/proc/self/gid_map", text)) fail("gid map: %s", strerror(errno));
}

void stage_root(const struct plan *plan) {
  char stage[PATH_MAX];
  size_t offset = plan->records;
  struct record r;
  int got;
  if (geteuid() != 0) become_mounter();
  else if (unshare(CLONE_NEWNS)) fail("mount namespace: %s", strerror(errno));
  /* Slave: nothing of ours shows outside, and what the host unmounts does not stay busy here. */
  if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL)) fail("mount propagation: %s", strerror(errno));
  snprintf(stage, sizeof stage, "%s/stage", plan->run);
  if (mkdir(stage, 0755) && errno != EEXIST) fail("%s: %s", stage, strerror(errno));
  size_t second = offset;
  if (plan_next(plan, &second, &r) > 0 && !strcmp(r.op, "layers")) {
    layers_mount(plan, &r, &second, stage);
    offset = second;
  } else if (mount("tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m")) {
    fail("tmpfs: %s", strerror(errno));
  }
  while ((got = plan_next(plan, &offset, &r)) > 0) apply(plan, &r, &offset, stage);
  if (got < 0) fail("the plan is damaged");
  show_kept(plan);
  /* The run's user may not be able to walk to the data directory: /tmp is a place that everyone can reach, and only
   * this namespace sees it covered. */
  if (mount(stage, "/tmp", NULL, MS_MOVE, NULL)) fail("moving the root: %s", strerror(errno));
}

void stage_copies(const struct plan *plan) {
  size_t offset = plan->records;
  struct record r;
  int got;
  while ((got = plan_next(plan, &offset, &r)) > 0) {
    if (!strcmp(r.op, "channel")) channel_copy(plan, &r, &offset, r.arg[0]);
    else if (!strcmp(r.op, "own")) own(r.arg[0], plan->uid);
    else fail("unknown step %s", r.op);
  }
  if (got < 0) fail("the plan is damaged");
}
