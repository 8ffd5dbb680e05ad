/* Starts supervisors for a server that is too large to fork often: the kernel copies the page tables of whoever forks, some
 * milliseconds for a server and next to nothing here.
 *
 * Standard input brings requests, "NUMBER SPACE PLAN NUL"; standard output gives "NUMBER SPACE WORD LF" for each, whose word
 * is that of the plan's supervisor, or nothing where that ended without one. At the end of the input, which is the end of the
 * server, this process ends too; supervisors live on. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Supervisors whose word is waited for; further requests stay in the pipe. */
enum { MOST = 256 };

static struct waiting {
  long long number;
  int pipe;
  size_t size;
  char word[1300];
} waiting[MOST];
static int count;
static char requests[4 * PATH_MAX];
static size_t held;

static void tell(long long number, const char *word) {
  char text[1400];
  int size = snprintf(text, sizeof text, "%lld %.*s\n", number, (int)strcspn(word, "\n"), word);
  (void)!write_all(STDOUT_FILENO, text, (size_t)size);
}

/* The process that forks the supervisor and ends at once, as if the server had started it. */
static void be_starter(const char *plan, int word) {
  int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, STDIN_FILENO);
  dup2(word, STDOUT_FILENO);
  signal(SIGPIPE, SIG_DFL);
  _exit(start_run(plan));
}

static void begin(long long number, const char *plan) {
  int word[2];
  char text[256];
  pid_t pid = pipe2(word, O_CLOEXEC) ? -1 : fork();
  if (pid == 0) be_starter(plan, word[1]);
  if (pid < 0) {
    snprintf(text, sizeof text, "failed no supervisor could be started: %s", strerror(errno));
    tell(number, text);
    return;
  }
  close(word[1]);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
  waiting[count].number = number;
  waiting[count].pipe = word[0];
  waiting[count++].size = 0;
}

/* @returns 1 once the supervisor has said its word, or has nothing to say any more. */
static int take_word(struct waiting *one) {
  ssize_t got = read(one->pipe, one->word + one->size, sizeof one->word - 1 - one->size);
  if (got < 0 && errno == EINTR) return 0;
  if (got > 0) one->size += (size_t)got;
  one->word[one->size] = 0;
  if (got > 0 && !strchr(one->word, '\n') && one->size < sizeof one->word - 1) return 0;
  tell(one->number, one->word);
  close(one->pipe);
  return 1;
}

/* Begins with what was asked for, as far as there is room. @returns -1 for what is no request. */
static int begin_requests(void) {
  size_t from = 0;
  char *end;
  while (count < MOST && (end = memchr(requests + from, 0, held - from))) {
    char *plan = strchr(requests + from, ' ');
    if (!plan) return -1;
    begin(atoll(requests + from), plan + 1);
    from = (size_t)(end - requests) + 1;
  }
  held -= from;
  memmove(requests, requests + from, held);
  return held == sizeof requests && !memchr(requests, 0, held) ? -1 : 0;
}

int launcher(void) {
  struct pollfd polls[MOST + 1];
  signal(SIGPIPE, SIG_IGN);
  for (;;) {
    int has_room = count < MOST && held < sizeof requests;
    polls[0] = (struct pollfd){has_room ? STDIN_FILENO : -1, POLLIN, 0};
    for (int i = 0; i < count; i++) polls[i + 1] = (struct pollfd){waiting[i].pipe, POLLIN, 0};
    if (poll(polls, (nfds_t)count + 1, -1) < 0 && errno != EINTR) return 2;
    for (int i = count - 1; i >= 0; i--) {
      if (polls[i + 1].revents && take_word(&waiting[i])) waiting[i] = waiting[--count];
    }
    if (polls[0].revents) {
      ssize_t got = read(STDIN_FILENO, requests + held, sizeof requests - held);
      if (got == 0) return 0;
      if (got > 0) held += (size_t)got;
    }
    if (begin_requests()) return 2;
  }
}
