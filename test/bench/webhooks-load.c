/*
 * A load client that takes as little of the processor as it can: it stands beside the server that it measures.
 *
 *   webhooks-load PORT CONNECTIONS COUNT < request
 *
 * Sends COUNT requests over keep-alive connections to 127.0.0.1, on each the next one once the answer to the last is
 * complete. Of the request, every "######" is replaced by its number. Answers need a Content-Length. Prints one line
 * of JSON: seconds in all, milliseconds from a request's first byte to its answer's last, how many answers had which
 * class of status, seconds of processor time used here.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_REQUEST = 65536, MOST_ANSWER = 1048576, MOST_HOLES = 16, DIGITS = 6 };

struct connection {
  int fd;
  double sent_at;
  size_t length;
  char *answer;
};

static char request[MOST_REQUEST];
static size_t request_length;
static size_t holes[MOST_HOLES];
static int hole_count;
static long next_number, total;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void read_request(void) {
  request_length = fread(request, 1, sizeof request - 1, stdin);
  for (char *at = request; (at = strstr(at, "######")) != NULL && hole_count < MOST_HOLES; at += DIGITS)
    holes[hole_count++] = at - request;
}

/* A request is small enough for the socket's buffer to take it whole. */
static void send_next(struct connection *it) {
  char digits[32];
  snprintf(digits, sizeof digits, "%06ld", next_number++ % 1000000);
  for (int hole = 0; hole < hole_count; hole++) memcpy(request + holes[hole], digits, DIGITS);
  it->length = 0;
  it->sent_at = now();
  if (write(it->fd, request, request_length) != (ssize_t)request_length) fail("write");
}

static void open_connection(struct connection *it, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int yes = 1;
  it->fd = socket(AF_INET, SOCK_STREAM, 0);
  it->answer = malloc(MOST_ANSWER + 1);
  if (it->fd < 0 || it->answer == NULL) fail("socket");
  if (connect(it->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  setsockopt(it->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/* Takes what has come; 1 once the answer is complete. */
static int take(struct connection *it) {
  ssize_t got = read(it->fd, it->answer + it->length, MOST_ANSWER - it->length);
  if (got <= 0) fail("read: the server closed the connection");
  it->length += got;
  it->answer[it->length] = 0;
  char *body = strstr(it->answer, "\r\n\r\n");
  if (body == NULL) return 0;
  char *declared = strcasestr(it->answer, "\r\ncontent-length:");
  if (declared == NULL || declared > body) {
    fprintf(stderr, "an answer without Content-Length: %s\n", it->answer);
    exit(1);
  }
  return it->length >= (size_t)(body + 4 - it->answer) + strtoul(declared + 17, NULL, 10);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int port = atoi(argv[1]), count = atoi(argv[2]);
  total = atol(argv[3]);
  if (count > total) count = total;
  read_request();
  double *latencies = malloc(total * sizeof *latencies);
  struct connection *connections = calloc(count, sizeof *connections);
  struct epoll_event *events = calloc(count, sizeof *events);
  if (latencies == NULL || connections == NULL || events == NULL) fail("malloc");
  int poll = epoll_create1(0);
  for (int each = 0; each < count; each++) {
    open_connection(&connections[each], port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[each]};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[each].fd, &event) != 0) fail("epoll_ctl");
  }
  long statuses[6] = {0}, done = 0;
  double began = now();
  for (int each = 0; each < count; each++) send_next(&connections[each]);
  while (done < total) {
    int ready = epoll_wait(poll, events, count, 30000);
    if (ready <= 0) fail("epoll_wait: no answer within 30 s");
    for (int each = 0; each < ready; each++) {
      struct connection *it = events[each].data.ptr;
      if (!take(it)) continue;
      latencies[done++] = (now() - it->sent_at) * 1000;
      int class = it->length > 9 ? it->answer[9] - '0' : 0;
      statuses[class >= 1 && class <= 5 ? class : 0]++;
      if (class != 2 && statuses[class] == 1) fprintf(stderr, "%s\n", it->answer);
      if (next_number < total) send_next(it);
    }
  }
  double seconds = now() - began;
  qsort(latencies, total, sizeof *latencies, ascending);
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"count\":%ld,\"ok\":%ld,\"seconds\":%.6f,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"cpu\":%.6f}\n", total,
         statuses[2], seconds, latencies[total / 2], latencies[total * 99 / 100], latencies[total - 1], cpu);
  return 0;
}
