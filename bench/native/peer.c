/* The libzmq end of the bench: what the library itself can do, without a
 * binding. The command line, the two lines of output and the end with standard
 * input are those of the Go children (task.go, process.go). */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define SUB_BITS 6
#define LAST_TICK UINT64_MAX
#define CLOCK_EVERY 64

static struct {
  const char *pattern, *role, *endpoint;
  int in_flight;
  uint64_t warm, window; /* ns */
  size_t size;
} task;

static uint64_t counts[(64 - SUB_BITS) << SUB_BITS];
static uint64_t total, ops;

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
  exit(1);
}

static void check(int rc, const char *what) {
  if (rc < 0) die(what);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* histogram.go says how. */
static void count(uint64_t v) {
  int i = (int)v;
  if (v >= 1u << SUB_BITS) {
    int shift = 63 - __builtin_clzll(v) - SUB_BITS;
    i = ((shift + 1) << SUB_BITS) + (int)(v >> shift & ((1 << SUB_BITS) - 1));
  }
  counts[i]++;
}

static double middle_us(int i) {
  if (i < 1 << SUB_BITS) return i / 1e3;
  int shift = (i >> SUB_BITS) - 1;
  uint64_t low = ((uint64_t)(1 << SUB_BITS) + (i & ((1 << SUB_BITS) - 1))) << shift;
  return (double)(low + ((uint64_t)1 << shift) / 2) / 1e3;
}

static double quantile_us(double q) {
  uint64_t want = (uint64_t)(q * (double)ops), seen = 0;
  for (int i = 0; i < (64 - SUB_BITS) << SUB_BITS; i++)
    if ((seen += counts[i]) > want) return middle_us(i);
  return 0;
}

static void *wait_for_end(void *unused) {
  char c;
  (void)unused;
  while (read(0, &c, 1) > 0) {
  }
  _exit(0); /* a blocking receive needs no ceremony */
}

static void watch_parent(void) {
  pthread_t t;
  if (pthread_create(&t, NULL, wait_for_end, NULL) != 0) die("pthread_create");
}

static void *open_socket(int type) {
  static void *context;
  if (!context) context = zmq_ctx_new();
  void *s = zmq_socket(context, type);
  if (!s) die("zmq_socket");
  return s;
}

static void bind_and_tell(void *s) {
  char endpoint[256];
  size_t n = sizeof endpoint;
  check(zmq_bind(s, "tcp://127.0.0.1:*"), "zmq_bind");
  check(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, endpoint, &n), "zmq_getsockopt");
  printf("ready %s\n", endpoint);
  fflush(stdout);
}

/* A server of one REQ, and of a DEALER: the routing id goes in front. */
static void serve(void) {
  int routed = task.in_flight > 1;
  void *s = open_socket(routed ? ZMQ_ROUTER : ZMQ_REP);
  char id[256], body[1 << 16];
  bind_and_tell(s);
  for (;;) {
    int n = routed ? zmq_recv(s, id, sizeof id, 0) : 0;
    int m = zmq_recv(s, body, sizeof body, 0);
    if (n < 0 || m < 0) die("zmq_recv");
    if (routed) check(zmq_send(s, id, (size_t)n, ZMQ_SNDMORE), "zmq_send");
    check(zmq_send(s, body, (size_t)m, 0), "zmq_send");
  }
}

static void send_stamped(void *s, char *body, uint64_t t) {
  memcpy(body, &t, sizeof t);
  check(zmq_send(s, body, task.size, 0), "zmq_send");
}

static void report_calls(void) {
  printf("result {\"ops\":%llu,\"seconds\":%g,\"total\":%llu,\"p50_us\":%g,\"p99_us\":%g}\n",
         (unsigned long long)ops, (double)task.window / 1e9, (unsigned long long)total,
         quantile_us(0.50), quantile_us(0.99));
}

/* Keeps the requests in flight; the time of sending travels in the payload. */
static void call(void) {
  void *s = open_socket(task.in_flight > 1 ? ZMQ_DEALER : ZMQ_REQ);
  char body[1 << 16] = {0};
  check(zmq_connect(s, task.endpoint), "zmq_connect");
  uint64_t begin = now() + task.warm, end = begin + task.window, sent, got;
  for (int i = 0; i < task.in_flight; i++) send_stamped(s, body, now());
  for (;; send_stamped(s, body, got)) {
    if (zmq_recv(s, body, sizeof body, 0) != (int)task.size) die("zmq_recv");
    got = now();
    total++;
    if (got > end) break;
    if (got <= begin) continue;
    memcpy(&sent, body, sizeof sent);
    ops++;
    count(got - sent);
  }
  report_calls();
}

/* XPUB, to see the subscription; NODROP, to wait where it would lose. */
static void publish(void) {
  void *s = open_socket(ZMQ_XPUB);
  char body[1 << 16] = {0};
  int yes = 1;
  uint64_t n = 0, last = LAST_TICK;
  check(zmq_setsockopt(s, ZMQ_XPUB_NODROP, &yes, sizeof yes), "zmq_setsockopt");
  bind_and_tell(s);
  check(zmq_recv(s, body, sizeof body, 0), "zmq_recv");
  for (uint64_t end = now() + task.warm + task.window; n % CLOCK_EVERY || now() < end; n++) {
    memcpy(body, &n, sizeof n);
    check(zmq_send(s, body, task.size, 0), "zmq_send");
  }
  memcpy(body, &last, sizeof last);
  check(zmq_send(s, body, task.size, 0), "zmq_send");
  printf("result {\"total\":%llu}\n", (unsigned long long)n);
  fflush(stdout);
  pause();
}

static void subscribe(void) {
  void *s = open_socket(ZMQ_SUB);
  char body[1 << 16];
  uint64_t n, next = 0, lost = 0, before = 0, begin = 0, measured = 0;
  check(zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0), "zmq_setsockopt");
  check(zmq_connect(s, task.endpoint), "zmq_connect");
  for (;;) {
    if (zmq_recv(s, body, sizeof body, 0) != (int)task.size) die("zmq_recv");
    memcpy(&n, body, sizeof n);
    if (n == LAST_TICK) break;
    if (total++ == 0) begin = now() + task.warm;
    if (n != next) lost += n - next;
    next = n + 1;
    if (!measured && total % CLOCK_EVERY == 0 && now() > begin) measured = now(), before = total;
  }
  double seconds = measured ? (double)(now() - measured) / 1e9 : 0;
  printf("result {\"ops\":%llu,\"seconds\":%g,\"total\":%llu,\"lost\":%llu}\n",
         (unsigned long long)(measured ? total - before : 0), seconds, (unsigned long long)total,
         (unsigned long long)lost);
}

static void read_task(char **a) {
  task.pattern = a[1], task.role = a[2], task.in_flight = atoi(a[3]);
  task.warm = strtoull(a[4], NULL, 10) * 1000000u;
  task.window = strtoull(a[5], NULL, 10) * 1000000u;
  task.size = strtoul(a[6], NULL, 10), task.endpoint = a[7];
}

int main(int argc, char **argv) {
  if (argc != 9) return 2;
  read_task(argv);
  watch_parent();
  if (!strcmp(task.role, "serve")) serve();
  if (!strcmp(task.role, "call")) call();
  if (!strcmp(task.role, "publish")) publish();
  if (!strcmp(task.role, "subscribe")) subscribe();
  fflush(stdout);
  _exit(0);
}
