/* A channel: a private, writable tree over immutable files, without copying them where the kernel can help. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* One number on every machine; older headers lack them. */
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

const char *const channel_form_names[] = {"none", "data-only", "hardlink", "copy"};
enum channel_form *channel_form_used;

/* What a builder does with one file of the channel: make it at `path`. @returns -1 with errno. */
typedef int (*make_entry)(const struct plan *plan, const struct record *head, const struct record *entry, const char *path);

/* An empty file of the right size whose extended attributes say where its bytes lie: below the data layer's root. */
static int make_pointer(const struct plan *plan, const struct record *head, const struct record *entry, const char *path) {
  int ours = geteuid() == 0 && plan->uid >= 0;
  size_t root = strlen(head->arg[1]);
  const char *redirect = entry->arg[1] + (root == 1 ? 0 : root);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return -1;
  int bad = ftruncate(fd, atoll(entry->arg[2])) ||
            fsetxattr(fd, ours ? "trusted.overlay.metacopy" : "user.overlay.metacopy", "", 0, 0) ||
            fsetxattr(fd, ours ? "trusted.overlay.redirect" : "user.overlay.redirect", redirect, strlen(redirect), 0) ||
            (ours && fchown(fd, (uid_t)plan->uid, (gid_t)plan->uid));
  int saved = errno;
  close(fd);
  errno = saved;
  return bad ? -1 : 0;
}

static int make_link(const struct plan *plan, const struct record *head, const struct record *entry, const char *path) {
  (void)plan, (void)head;
  return link(entry->arg[1], path);
}

/* A clone where the file system shares blocks between files, bytes otherwise. */
static int make_copy(const struct plan *plan, const struct record *head, const struct record *entry, const char *path) {
  (void)head;
  int in = open(entry->arg[1], O_RDONLY | O_CLOEXEC);
  if (in < 0) return -1;
  int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644), bad = out < 0;
  if (!bad && ioctl(out, FICLONE, in)) {
    ssize_t done;
    while ((done = copy_file_range(in, NULL, out, NULL, 1 << 30, 0)) > 0) continue;
    if (done < 0) { /* two file systems, or an old kernel */
      static _Thread_local char block[1 << 16];
      bad = lseek(in, 0, SEEK_SET) != 0 || lseek(out, 0, SEEK_SET) != 0;
      while (!bad && (done = read(in, block, sizeof block)) > 0) bad = write_all(out, block, (size_t)done);
      bad |= done < 0;
    }
  }
  if (!bad && plan->uid >= 0) bad = fchown(out, (uid_t)plan->uid, (gid_t)plan->uid);
  int saved = errno;
  close(in);
  if (out >= 0) close(out);
  errno = saved;
  return bad ? -1 : 0;
}

/* A part of a channel's entries, made by a thread of its own. */
struct slice {
  const struct plan *plan;
  const struct record *head;
  const char *root;
  make_entry make;
  size_t offset, count; /* its first entry in the plan, and how many are its */
  int error;            /* errno of what could not be made */
  pthread_t thread;
};

/* Makes the files of a slice below its root, in folders of the run's user. */
static void *build_slice(void *argument) {
  struct slice *slice = argument;
  long long owner = slice->make == make_link ? -1 : slice->plan->uid; /* links keep the store's owner, so their folders do */
  char path[PATH_MAX], last[PATH_MAX] = "";
  struct record entry;
  int got = 1;
  for (size_t next = slice->offset, left = slice->count; left-- && (got = plan_next(slice->plan, &next, &entry)) > 0;) {
    if (snprintf(path, sizeof path, "%s/%s", slice->root, entry.arg[0]) >= (int)sizeof path) return slice->error = ENAMETOOLONG, NULL;
    size_t folder = (size_t)(strrchr(path, '/') - path);
    if (strlen(last) != folder || strncmp(last, path, folder)) {
      make_folders(path, 0, owner);
      memcpy(last, path, folder);
      last[folder] = 0;
    }
    if (slice->make(slice->plan, slice->head, &entry, path) == 0) continue;
    /* Left by a run of the same place that was removed or died: names are unique within a channel. */
    if (errno != EEXIST || unlink(path) || slice->make(slice->plan, slice->head, &entry, path)) return slice->error = errno, NULL;
  }
  if (got < 0) slice->error = EINVAL;
  return NULL;
}

static size_t count_entries(const struct plan *plan, size_t offset) {
  struct record entry;
  size_t count = 0;
  while (plan_next(plan, &offset, &entry) > 0 && !strcmp(entry.op, "entry")) count++;
  return count;
}

/* A thread costs less than making a hundred files; more than four wait for each other's folders. */
enum { ENTRIES_A_THREAD = 500, MOST_THREADS = 4 };

static size_t slices_for(size_t entries) {
  cpu_set_t cpus;
  size_t most = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (size_t)CPU_COUNT(&cpus) : 1;
  if (most > MOST_THREADS) most = MOST_THREADS;
  return entries / ENTRIES_A_THREAD < 1 ? 1 : entries / ENTRIES_A_THREAD < most ? entries / ENTRIES_A_THREAD : most;
}

/* Makes the channel's files below `root`, on several cores where they are many. @returns -1 with errno when one could not be made. */
static int build(const struct plan *plan, const struct record *head, size_t offset, const char *root, make_entry make) {
  struct slice slices[MOST_THREADS];
  size_t entries = count_entries(plan, offset), threads = slices_for(entries), taken = 0;
  struct record entry;
  for (size_t i = 0; i < threads; i++) {
    size_t end = entries * (i + 1) / threads;
    slices[i] = (struct slice){.plan = plan, .head = head, .root = root, .make = make, .offset = offset, .count = end - taken};
    while (taken < end && plan_next(plan, &offset, &entry) > 0) taken++;
  }
  for (size_t i = 1; i < threads; i++) {
    if (pthread_create(&slices[i].thread, NULL, build_slice, &slices[i])) build_slice(&slices[i]), slices[i].thread = 0;
  }
  build_slice(&slices[0]);
  for (size_t i = 1; i < threads; i++) {
    if (slices[i].thread) pthread_join(slices[i].thread, NULL);
  }
  for (size_t i = 0; i < threads; i++) {
    if (slices[i].error) return errno = slices[i].error, -1;
  }
  return 0;
}

static void skip_entries(const struct plan *plan, size_t *offset) {
  struct record entry;
  for (size_t next = *offset; plan_next(plan, &next, &entry) > 0 && !strcmp(entry.op, "entry"); *offset = next) continue;
}

static void folder(const char *work, const char *name, long long uid, char *path) {
  if (snprintf(path, PATH_MAX, "%s/%s", work, name) >= PATH_MAX) fail("%s: too long", work);
  if (mkdir(path, 0755) && errno != EEXIST) fail("%s: %s", path, strerror(errno));
  if (uid >= 0 && chown(path, (uid_t)uid, (gid_t)uid)) fail("%s: %s", path, strerror(errno));
}

/* A user namespace in which `owner` and `group` are `to`. @returns Its descriptor, or -1 with errno. */
static int user_namespace_of(uid_t owner, gid_t group, long long to) {
  char path[64], map[64];
  int ready[2], fd = -1;
  if (pipe2(ready, O_CLOEXEC)) return -1;
  pid_t holder = fork();
  if (holder == 0) {
    (void)!write(ready[1], unshare(CLONE_NEWUSER) ? "n" : "y", 1);
    for (;;) pause(); /* killed below */
  }
  if (holder > 0 && read(ready[0], path, 1) == 1 && path[0] == 'y') {
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)holder);
    snprintf(map, sizeof map, "%u %lld 1", owner, to);
    int bad = poke(path, map);
    snprintf(path, sizeof path, "/proc/%d/gid_map", (int)holder);
    snprintf(map, sizeof map, "%u %lld 1", group, to);
    bad |= poke(path, map);
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)holder);
    if (!bad) fd = open(path, O_RDONLY | O_CLOEXEC);
  }
  if (holder > 0) {
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
  }
  close(ready[0]);
  close(ready[1]);
  return fd;
}

/* A mount can succeed and its files still fail, so the first byte of one decides. */
static int readable(const struct plan *plan, size_t offset, const char *target) {
  char path[PATH_MAX], byte;
  struct record entry;
  while (plan_next(plan, &offset, &entry) > 0 && !strcmp(entry.op, "entry")) {
    if (atoll(entry.arg[2]) == 0) continue;
    snprintf(path, sizeof path, "%s/%s", target, entry.arg[0]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t got = read(fd, &byte, 1);
    close(fd);
    return got == 1;
  }
  return 1;
}

/* Paths are given relative to the work folder: no character of the data directory's name needs escaping. */
int mount_overlay(const char *work, const char *target, const char *options) {
  if (chdir(work)) return -1;
  int bad = mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options);
  int saved = errno;
  if (chdir("/")) return -1;
  errno = saved;
  return bad;
}

/* Pointers in memory cost about 1.5 KB each and no disk writes: five times faster on an idle disk, and more on a busy
 * one. The memory goes with the run's mounts. */
enum { MAX_POINTERS_IN_MEMORY = 200000 };

static int mount_data_only(const struct plan *plan, const struct record *head, size_t offset, const char *target) {
  char tree[PATH_MAX], data[PATH_MAX];
  const char *work = head->arg[2];
  folder(work, "tree", -1, tree);
  folder(work, "data", -1, data);
  int in_memory = count_entries(plan, offset) <= MAX_POINTERS_IN_MEMORY &&
                  mount("tmpfs", tree, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m,nr_inodes=0") == 0;
  folder(work, "tree", plan->uid, tree); /* once more: now it is the root of the mount */
  if (build(plan, head, offset, tree, make_pointer)) {
    int why = errno;
    if (in_memory) umount2(tree, MNT_DETACH);
    errno = why;
    return -1;
  }
  if (mount(head->arg[1], data, NULL, MS_BIND | MS_REC, NULL)) return -1;
  int bad = mount_overlay(work, target, plan->uid >= 0
                                      ? "redirect_dir=on,metacopy=on,lowerdir=tree::data,upperdir=upper,workdir=work"
                                      : "userxattr,lowerdir=tree::data,upperdir=upper,workdir=work");
  int saved = errno;
  umount2(data, MNT_DETACH); /* the overlay holds its own clones; the store must not stay visible */
  if (in_memory) umount2(tree, MNT_DETACH);
  errno = saved;
  if (bad) return -1;
  if (readable(plan, offset, target)) return 0;
  umount2(target, MNT_DETACH);
  return errno = EIO, -1;
}

/* A clone of a tree (and of what is mounted in it) in which ids are what they are in the user namespace. Kernel 5.19 and later
 * let such a mount be the lower layer of an overlay. @returns -1 with errno. */
int mount_mapped(const char *tree, const char *target, int users, int recursive) {
  struct {
    uint64_t set, clear, propagation, userns;
  } attributes = {.set = 0x00100000 /* MOUNT_ATTR_IDMAP */, .userns = (uint64_t)users};
  unsigned all = recursive ? 0x8000 /* AT_RECURSIVE */ : 0;
  int fd = users < 0 ? -1 : (int)syscall(SYS_open_tree, AT_FDCWD, tree, 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC | all);
  int bad = fd < 0 || syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | all, &attributes, sizeof attributes) ||
            syscall(SYS_move_mount, fd, "", AT_FDCWD, target, 4 /* MOVE_MOUNT_F_EMPTY_PATH */);
  int saved = errno;
  if (fd >= 0) close(fd);
  errno = saved;
  return bad ? -1 : 0;
}

/* What belongs to one user belongs to another, seen through such a mount: the store's hard links to the run. */
int map_owner(const char *tree, const char *target, uid_t owner, gid_t group, long long uid, int recursive) {
  int users = user_namespace_of(owner, group, uid);
  int bad = mount_mapped(tree, target, users, recursive), saved = errno;
  if (users >= 0) close(users);
  errno = saved;
  return bad;
}

static int mount_hardlinks(const struct plan *plan, const struct record *head, size_t offset, const char *target) {
  char links[PATH_MAX], mapped[PATH_MAX];
  folder(head->arg[2], "links", -1, links);
  if (build(plan, head, offset, links, make_link)) return -1;
  if (plan->uid < 0) return mount_overlay(head->arg[2], target, "userxattr,lowerdir=links,upperdir=upper,workdir=work");
  folder(head->arg[2], "mapped", -1, mapped);
  if (map_owner(links, mapped, geteuid(), getegid(), plan->uid, 0)) return -1;
  int bad = mount_overlay(head->arg[2], target, "redirect_dir=on,metacopy=on,lowerdir=mapped,upperdir=upper,workdir=work");
  int saved = errno;
  umount2(mapped, MNT_DETACH);
  errno = saved;
  return bad;
}

static void mount_copies(const struct plan *plan, const struct record *head, size_t offset, const char *target) {
  char copies[PATH_MAX];
  folder(head->arg[2], "copies", plan->uid, copies);
  if (build(plan, head, offset, copies, make_copy)) fail("channel %s: %s", head->arg[0], strerror(errno));
  if (mount(copies, target, NULL, MS_BIND, NULL)) fail("channel %s: %s", head->arg[0], strerror(errno));
}

static enum channel_form first_form(const struct plan *plan, const struct record *head) {
  if (!head->arg[1][0]) return CHANNEL_COPY; /* no files: nothing to lie over */
  for (enum channel_form form = CHANNEL_DATA_ONLY; plan->form && form <= CHANNEL_COPY; form++) {
    if (!strcmp(plan->form, channel_form_names[form])) return form;
  }
  return CHANNEL_DATA_ONLY;
}

void channel_mount(const struct plan *plan, const struct record *head, size_t *offset, const char *target) {
  char path[PATH_MAX], work[PATH_MAX];
  enum channel_form form = first_form(plan, head);
  snprintf(work, sizeof work, "%s", head->arg[2]);
  make_folders(work, 1, -1);
  folder(work, "upper", plan->uid, path);
  folder(work, "work", plan->uid, path);
  if (form == CHANNEL_DATA_ONLY && mount_data_only(plan, head, *offset, target)) form = CHANNEL_HARDLINK;
  if (form == CHANNEL_HARDLINK && mount_hardlinks(plan, head, *offset, target)) form = CHANNEL_COPY;
  if (form == CHANNEL_COPY) mount_copies(plan, head, *offset, target);
  if (head->arg[1][0] && form > *channel_form_used) *channel_form_used = form;
  skip_entries(plan, offset);
}

void channel_copy(const struct plan *plan, const struct record *head, size_t *offset, const char *target) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s", target);
  make_folders(path, 1, plan->uid);
  if (build(plan, head, *offset, path, make_copy)) fail("channel %s: %s", target, strerror(errno));
  *channel_form_used = CHANNEL_COPY;
  skip_entries(plan, offset);
}
