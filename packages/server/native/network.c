/* The run's network namespace, and relays: connections that begin on one side of its border and end on the other.
 * The platform is a Unix socket of the host and an address inside; a model server is a port inside and a Unix socket of
 * the host. One process a run, idle but for traffic, with room for a fixed number of connections. */
#include "supervisor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PAIRS = 256, ROOM = 1 << 16, BACKLOG = 511 };

static void enter(const char *path, int kind) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, kind)) fail("network of the run: %s: %s", path, strerror(errno));
  close(fd);
}

void network_enter(const struct plan *plan) {
  if (!plan->netns) return;
  /* Both are found from here, entered in the order that permits it. */
  int network = open(plan->netns, O_RDONLY | O_CLOEXEC);
  if (network < 0) fail("network of the run: %s: %s", plan->netns, strerror(errno));
  if (plan->userns) enter(plan->userns, CLONE_NEWUSER);
  if (setns(network, CLONE_NEWNET)) fail("network of the run: %s: %s", plan->netns, strerror(errno));
  close(network);
  /* No port is privileged where nothing but the run listens: images bind 22 or 80 as the root they think they are. */
  poke("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
}

/* ---- Addresses --------------------------------------------------------------------------------------------------- */

union address {
  struct sockaddr any;
  struct sockaddr_un local;
  struct sockaddr_in internet;
};

static socklen_t parse(const char *text, union address *address) {
  char host[64];
  memset(address, 0, sizeof *address);
  if (!strncmp(text, "unix:", 5) && strlen(text + 5) < sizeof address->local.sun_path) {
    address->local.sun_family = AF_UNIX;
    memcpy(address->local.sun_path, text + 5, strlen(text + 5));
    return sizeof address->local;
  }
  const char *colon = strrchr(text, ':');
  if (!strncmp(text, "tcp:", 4) && colon > text + 4 && (size_t)(colon - text - 4) < sizeof host) {
    memcpy(host, text + 4, (size_t)(colon - text - 4));
    host[colon - text - 4] = 0;
    address->internet.sin_family = AF_INET;
    address->internet.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &address->internet.sin_addr) == 1) return sizeof address->internet;
  }
  fail("relay of the run: %s is no address", text);
}

static int open_socket(const union address *address) {
  int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && address->any.sa_family == AF_INET) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  return fd;
}

/* ---- Connections ------------------------------------------------------------------------------------------------- */

/* What flows one way: read at its own end, not yet written at the other. */
struct way {
  size_t start, size;
  int ended, told; /* the reader's end, and whether the other side was told of it */
  char bytes[ROOM];
};

static struct pair {
  int used, connecting;
  int fd[2];         /* 0: who came; 1: where it leads */
  struct way way[2]; /* way[i] was read from fd[i] */
} pairs[MAX_PAIRS];  /* untouched pages cost nothing */

static int listeners[MAX_RELAYS];

void relay_listen(const struct plan *plan) {
  for (int i = 0; i < plan->relays; i++) {
    union address from, to;
    socklen_t size = parse(plan->relay[i].from, &from);
    parse(plan->relay[i].to, &to);
    listeners[i] = open_socket(&from);
    if (from.any.sa_family == AF_UNIX) unlink(from.local.sun_path);
    else if (listeners[i] >= 0) setsockopt(listeners[i], SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (listeners[i] < 0 || bind(listeners[i], &from.any, size) || listen(listeners[i], BACKLOG)) {
      fail("relay of the run at %s: %s", plan->relay[i].from, strerror(errno));
    }
  }
}

/* With a reset, so that whoever came sees at once that nobody is there. */
static void refuse(int fd) {
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
  close(fd);
}

static void hang_up(struct pair *pair) {
  if (pair->connecting) refuse(pair->fd[0]); /* a server that is not there yet is not one that hung up */
  else close(pair->fd[0]);
  close(pair->fd[1]);
  pair->used = 0;
}

static struct pair *free_pair(void) {
  for (int i = 0; i < MAX_PAIRS; i++) {
    if (!pairs[i].used) return &pairs[i];
  }
  return NULL;
}

static void take(int listener, const char *where, struct pair *pair) {
  union address to;
  socklen_t size = parse(where, &to);
  int came = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (came < 0) return; /* gone again */
  int on = open_socket(&to);
  int bad = on < 0 || (connect(on, &to.any, size) && errno != EINPROGRESS);
  if (bad) {
    int why = errno;
    refuse(came);
    if (on >= 0) close(on);
    if (why == EMFILE || why == ENFILE) nanosleep(&(struct timespec){0, 10000000}, NULL);
    return;
  }
  pair->used = pair->connecting = 1; /* an established connection is writable at once */
  pair->fd[0] = came;
  pair->fd[1] = on;
  for (int i = 0; i < 2; i++) pair->way[i].start = pair->way[i].size = 0, pair->way[i].ended = pair->way[i].told = 0;
}

static int again(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

/* @returns 0 when the connection is broken. */
static int fill(struct way *way, int from) {
  if (way->ended || way->size > 0) return 1;
  ssize_t got = recv(from, way->bytes, ROOM, 0);
  if (got < 0) return again();
  way->start = 0;
  way->size = (size_t)got;
  way->ended = got == 0;
  return 1;
}

static int drain(struct way *way, int to) {
  while (way->size > 0) {
    ssize_t done = send(to, way->bytes + way->start, way->size, MSG_NOSIGNAL);
    if (done < 0) return again();
    way->start += (size_t)done;
    way->size -= (size_t)done;
  }
  if (way->ended && !way->told) {
    way->told = 1;
    shutdown(to, SHUT_WR);
  }
  return 1;
}

static short wishes(const struct pair *pair, int side) {
  if (pair->connecting) return side == 1 ? POLLOUT : 0;
  short events = 0;
  if (!pair->way[side].ended && pair->way[side].size == 0) events |= POLLIN;
  if (pair->way[1 - side].size > 0) events |= POLLOUT;
  return events;
}

/* Moves what can be moved. @returns 0 when the connection is over. */
static int serve(struct pair *pair, short came, short on) {
  if (pair->connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    if (on == 0 && !(came & (POLLERR | POLLHUP))) return 1;
    if (getsockopt(pair->fd[1], SOL_SOCKET, SO_ERROR, &error, &size) || error || !(on & POLLOUT)) return 0;
    pair->connecting = 0;
    return 1;
  }
  for (int side = 0; side < 2; side++) {
    if (!fill(&pair->way[side], pair->fd[side]) || !drain(&pair->way[side], pair->fd[1 - side])) return 0;
  }
  /* A side that has gone for good takes nothing any more, whatever is on its way to it. */
  if ((came & POLLERR) || (on & POLLERR)) return 0;
  return !(pair->way[0].told && pair->way[1].told);
}

void relay_run(const struct plan *plan) {
  static struct pollfd polls[MAX_RELAYS + 2 * MAX_PAIRS];
  static struct pair *of[MAX_PAIRS];
  for (;;) {
    nfds_t count = 0;
    int room = free_pair() != NULL, open_pairs = 0; /* without room, newcomers wait in the backlog */
    for (int i = 0; i < plan->relays; i++) polls[count++] = (struct pollfd){room ? listeners[i] : -1, POLLIN, 0};
    for (int i = 0; i < MAX_PAIRS; i++) {
      if (!pairs[i].used) continue;
      of[open_pairs++] = &pairs[i];
      for (int side = 0; side < 2; side++) {
        short events = wishes(&pairs[i], side);
        /* A side that wants nothing is left out: a hang-up there would wake us for ever. */
        polls[count++] = (struct pollfd){events ? pairs[i].fd[side] : -1, events, 0};
      }
    }
    if (poll(polls, count, -1) < 0) continue;
    for (int i = 0; i < open_pairs; i++) {
      short came = polls[plan->relays + 2 * i].revents, on = polls[plan->relays + 2 * i + 1].revents;
      if ((came || on) && !serve(of[i], came, on)) hang_up(of[i]);
    }
    for (int i = 0; i < plan->relays; i++) {
      struct pair *pair = polls[i].revents ? free_pair() : NULL;
      if (pair) take(listeners[i], plan->relay[i].to, pair);
    }
  }
}
