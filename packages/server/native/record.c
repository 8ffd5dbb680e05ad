/* Small files that the server reads: written whole, by rename. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t done = write(fd, bytes, count);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return -1;
    bytes += done;
    count -= (size_t)done;
  }
  return 0;
}

int record_write(const char *path, const char *text, int durable) {
  char temporary[PATH_MAX], folder[PATH_MAX];
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  int bad = write_all(fd, text, strlen(text)) || (durable && fsync(fd));
  bad |= close(fd) != 0;
  if (bad || rename(temporary, path)) return -1;
  if (!durable) return 0;
  snprintf(folder, sizeof folder, "%s", path);
  fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  bad = fsync(fd);
  close(fd);
  return bad;
}

int poke(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t done = write(fd, text, strlen(text));
  close(fd);
  return done == (ssize_t)strlen(text) ? 0 : -1;
}

long long now_millis(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

unsigned long long start_ticks(pid_t pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0) return 0;
  text[got] = 0;
  char *field = strrchr(text, ')'); /* the name before it may hold spaces and brackets */
  for (int skip = 0; field && skip < 20; skip++) field = strchr(field + 1, ' ');
  return field ? strtoull(field + 1, NULL, 10) : 0;
}
