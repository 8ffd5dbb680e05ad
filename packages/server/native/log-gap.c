/* Drops lines from the middle of a log without moving the others: the file system takes the bytes back (a hole), so that
 * every offset that somebody remembers stays what it was. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int gap_path(const struct log_gap *gap, char *path) {
  return snprintf(path, PATH_MAX, "%s.gap", gap->path) < PATH_MAX ? 0 : -1;
}

/* Readers see the gap as it was or as it is to be, and never a byte that is about to go. */
static int tell(const struct log_gap *gap, long long start, long long end) {
  char path[PATH_MAX], text[64];
  if (gap_path(gap, path)) return -1;
  snprintf(text, sizeof text, "%lld %lld\n", start, end);
  return record_write(path, text, 0);
}

int gap_open(struct log_gap *gap, const char *path) {
  char name[PATH_MAX], text[64] = "";
  if (snprintf(gap->path, sizeof gap->path, "%s", path) >= (int)sizeof gap->path) return -1;
  gap->start = gap->end = 0;
  gap->file = open(path, O_RDWR | O_CLOEXEC);
  if (gap->file < 0) return -1;
  int fd = gap_path(gap, name) ? -1 : open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0 || sscanf(text, "%lld %lld", &gap->start, &gap->end) != 2) gap->start = gap->end = 0;
  return 0;
}

/* Where the first line begins at or behind `offset`; -1 where there is none. */
static long long line_after(const struct log_gap *gap, long long offset) {
  char block[65536];
  if (offset <= 0) return 0;
  for (long long at = offset - 1;; at += (long long)sizeof block) {
    ssize_t got = pread(gap->file, block, sizeof block, at);
    if (got <= 0) return -1;
    char *feed = memchr(block, '\n', (size_t)got);
    if (feed) return at + (feed - block) + 1;
  }
}

int gap_widen(struct log_gap *gap, long long head, long long count) {
  int is_first = gap->end == 0;
  char first[32] = "", notice[256], path[PATH_MAX];
  long long start = is_first ? line_after(gap, head) : gap->start;
  long long end = start < 0 ? -1 : line_after(gap, (is_first ? start : gap->end) + count);
  if (end < 0 || pread(gap->file, first, sizeof first - 1, start) <= 0 || tell(gap, start, end)) return -1;
  long long from = is_first ? start : gap->end;
  if (fallocate(gap->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, end - from)) {
    if (!is_first) tell(gap, gap->start, gap->end);
    else if (!gap_path(gap, path)) unlink(path);
    return -1;
  }
  if (is_first) {
    /* A line of ours, with the time of the first that went: times never fall. */
    int size = snprintf(notice, sizeof notice, "%lld sagebrush: the log has reached its limit; lines were dropped here\n", atoll(first));
    if (start + size <= end && pwrite(gap->file, notice, (size_t)size, start) == size && !tell(gap, start + size, end)) start += size;
  }
  gap->start = start;
  gap->end = end;
  return 0;
}
