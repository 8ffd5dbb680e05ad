/* Turns the run's output into lines `EPOCH_MILLISECONDS SPACE TEXT LF`, holding at most so much on disk. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int log_open(struct log_pump *log, const char *path, long long max) {
  struct stat about;
  log->out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log->out < 0 || fstat(log->out, &about) || gap_open(&log->gap, path)) return -1;
  log->max = max;
  log->used = 0;
  log->base = about.st_size;
  log->full = 0;
  log->held = 0;
  return 0;
}

/* Makes room for a line: a quarter of the limit stays at the beginning, where programs say what they are about, and the rest
 * is the newest. */
static void make_room(struct log_pump *log) {
  long long before = log->gap.end - log->gap.start;
  if (gap_widen(&log->gap, log->base + log->max / 4, log->max / 4)) log->full = 1;
  else log->used -= log->gap.end - log->gap.start - before;
}

static size_t stamp(char *to, size_t room) { return (size_t)snprintf(to, room, "%lld ", now_millis()); }

/* One write per line keeps lines whole for whoever reads while the run goes on. */
static void put_line(struct log_pump *log, const char *text, size_t size) {
  char line[sizeof log->line + 64];
  if (log->full) return;
  size_t at = stamp(line, 64);
  if (log->used + (long long)(at + size + 1) > log->max) make_room(log);
  if (log->full) {
    at += (size_t)snprintf(line + at, 200, "sagebrush: the log has reached its limit; what follows is dropped\n");
  } else {
    memcpy(line + at, text, size);
    at += size;
    line[at++] = '\n';
    log->used += (long long)at;
  }
  /* A full disk must not end the run: the line is lost, the run goes on. */
  (void)!write_all(log->out, line, at);
}

void log_say(struct log_pump *log, const char *text) { put_line(log, text, strlen(text)); }

int log_drain(struct log_pump *log, int pipe) {
  for (;;) {
    ssize_t got = read(pipe, log->line + log->held, sizeof log->line - log->held);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return 1; /* empty for now */
    if (got == 0) return 0;
    char *start = log->line, *end = log->line + log->held + got, *newline;
    while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
      put_line(log, start, (size_t)(newline - start));
      start = newline + 1;
    }
    log->held = (size_t)(end - start);
    memmove(log->line, start, log->held);
    if (log->held == sizeof log->line) { /* a line longer than the buffer is cut */
      put_line(log, log->line, log->held);
      log->held = 0;
    }
  }
}

void log_close(struct log_pump *log) {
  if (log->held) put_line(log, log->line, log->held);
  log->held = 0;
  fdatasync(log->out);
  close(log->out);
}
