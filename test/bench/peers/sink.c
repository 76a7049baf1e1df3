/*
 * An upload server that costs next to nothing: it takes bodies, throws them away and answers as the two hosts do.
 *   sink [--tls CERT KEY] [--md5 HEX] [--delay-ms N]
 * Prints its port. A thread for each connection; bytes in the clear are discarded in the kernel (MSG_TRUNC).
 * The MD5 it answers with is computed for files up to 1 MiB and is the given one for larger files.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 64 * 1024, PIECE = 1024 * 1024, SMALL = 1024 * 1024, UPLOADS = 4096 };

static SSL_CTX *tls;
static const char *known_md5 = "";
static int delay_ms;
static atomic_long files;

/* Uploads in blocks, by the slug of their batch. */
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct { char slug[64]; long wanted, stored; } blocks[UPLOADS];

struct connection {
  int fd;
  SSL *ssl;
  char *buffer;        /* HEAD bytes: heads, and what came behind them */
  size_t start, end;   /* of what is unread in it */
  char *piece;         /* PIECE bytes */
};

static ssize_t receive(struct connection *c, void *to, size_t size, int flags) {
  return c->ssl ? SSL_read(c->ssl, to, size > 1 << 30 ? 1 << 30 : (int)size) : recv(c->fd, to, size, flags);
}

static int more(struct connection *c) {
  if (c->start > 0) {
    memmove(c->buffer, c->buffer + c->start, c->end - c->start);
    c->end -= c->start;
    c->start = 0;
  }
  if (c->end >= HEAD - 1) return 0;
  ssize_t got = receive(c, c->buffer + c->end, HEAD - 1 - c->end, 0);
  if (got <= 0) return 0;
  c->end += got;
  c->buffer[c->end] = 0;
  return 1;
}

/* The bytes up to and with `mark` in the buffer; 0 when the connection ended. */
static size_t until(struct connection *c, const char *mark) {
  for (;;) {
    char *found = c->end > c->start ? memmem(c->buffer + c->start, c->end - c->start, mark, strlen(mark)) : NULL;
    if (found) return found - (c->buffer + c->start) + strlen(mark);
    if (!more(c)) return 0;
  }
}

/* Takes `size` bytes of a body; `hash` may be NULL. */
static int drain(struct connection *c, long long size, EVP_MD_CTX *hash) {
  size_t here = c->end - c->start;
  if ((long long)here > size) here = size;
  if (hash) EVP_DigestUpdate(hash, c->buffer + c->start, here);
  c->start += here;
  for (size -= here; size > 0;) {
    ssize_t got = receive(c, c->piece, size < PIECE ? size : PIECE, hash ? 0 : MSG_TRUNC);
    if (got <= 0) return 0;
    if (hash) EVP_DigestUpdate(hash, c->piece, got);
    size -= got;
  }
  return 1;
}

static int drain_chunks(struct connection *c, long long *size) {
  for (;;) {
    size_t line = until(c, "\r\n");
    if (!line) return 0;
    long long chunk = strtoll(c->buffer + c->start, NULL, 16);
    c->start += line;
    if (chunk == 0) {
      if (!until(c, "\r\n")) return 0;
      c->start += 2;
      return 1;
    }
    *size += chunk;
    if (!drain(c, chunk, NULL) || !until(c, "\r\n")) return 0;
    c->start += 2;
  }
}

/* Reads the file of a form with one part. */
static int drain_form(struct connection *c, long long length, size_t boundary, long long *size, char *md5) {
  size_t head = until(c, "\r\n\r\n");
  if (!head) return 0;
  c->start += head;
  size_t tail = boundary + 8;
  *size = length - head - tail;
  EVP_MD_CTX *hash = NULL;
  if (*size <= SMALL) {
    hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(hash, EVP_md5(), NULL);
  }
  int ok = drain(c, *size, hash);
  if (hash) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(hash, digest, NULL);
    for (int i = 0; i < 16; i++) sprintf(md5 + 2 * i, "%02x", digest[i]);
    EVP_MD_CTX_free(hash);
  } else strcpy(md5, known_md5);
  return ok && drain(c, tail, NULL);
}

/* A file is registered: its number of blocks is remembered under the batch, which is also its signature here. */
static int register_blocks(struct connection *c, long long length, char *answer) {
  while ((long long)(c->end - c->start) < length) if (!more(c)) return 0;
  char *body = c->buffer + c->start;
  char *slug = strstr(body, "\"upload_signature\":\"");
  char *size = strstr(body, "\"filesize\":"), *block = strstr(body, "\"chunksize\":");
  c->start += length;
  if (!slug || !size || !block) return 0;
  long long bytes = atoll(size + 11), each = atoll(block + 12);
  pthread_mutex_lock(&blocks_lock);
  int i = 0;
  while (i < UPLOADS - 1 && blocks[i].slug[0]) i++;
  sscanf(slug + 20, "%63[^\"]", blocks[i].slug);
  blocks[i].wanted = (bytes + each - 1) / each;
  blocks[i].stored = 0;
  pthread_mutex_unlock(&blocks_lock);
  strcpy(answer, "{\"return_code\":200}");
  return 1;
}

static void about_blocks(const char *slug, int stored, char *answer) {
  pthread_mutex_lock(&blocks_lock);
  int i = 0;
  while (i < UPLOADS - 1 && strcmp(blocks[i].slug, slug)) i++;
  blocks[i].stored += stored;
  int done = blocks[i].stored >= blocks[i].wanted;
  pthread_mutex_unlock(&blocks_lock);
  if (stored) strcpy(answer, "{\"return_code\":200}");
  else if (done) sprintf(answer, "{\"status\":\"finished\",\"return_code\":200,\"irpc\":{\"slug\":\"b%ld\"}}", atomic_fetch_add(&files, 1));
  else strcpy(answer, "{\"status\":\"processing\",\"return_code\":200,\"missing_chunks\":[]}");
}

static int say(struct connection *c, const char *text) {
  int size = strlen(text);
  return (c->ssl ? SSL_write(c->ssl, text, size) : send(c->fd, text, size, MSG_NOSIGNAL)) == size;
}

static int respond(struct connection *c, const char *body) {
  char answer[1024];
  if (delay_ms) usleep(delay_ms * 1000);
  snprintf(answer, sizeof answer,
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
  return say(c, answer);
}

static const char *field(const char *head, const char *name) {
  const char *found = strcasestr(head, name);
  return found ? found + strlen(name) : NULL;
}

static int serve_one(struct connection *c) {
  char head[HEAD], path[2048] = "", boundary[256] = "", answer[512] = "{}", slug[64] = "", md5[33] = "";
  size_t size = until(c, "\r\n\r\n");
  if (!size) return 0;
  memcpy(head, c->buffer + c->start, size);
  head[size] = 0;
  c->start += size;
  sscanf(head, "%*s %2047s", path);
  const char *length = field(head, "\r\ncontent-length:"), *form = field(head, "boundary=");
  int chunked = field(head, "\r\ntransfer-encoding:") != NULL;
  if (form) sscanf(form, "%255[^\r;\"]", boundary);
  if (field(head, "\r\nexpect:") && !say(c, "HTTP/1.1 100 Continue\r\n\r\n")) return 0;
  long long bytes = length ? atoll(length) : 0, body = bytes;
  int number = 0;
  char rest[32] = "";
  if (boundary[0]) {
    if (!drain_form(c, bytes, strlen(boundary), &body, md5)) return 0;
    snprintf(answer, sizeof answer,
      "{\"size\":%lld,\"md5\":\"%s\",\"message\":\"Done\",\"return_code\":200,\"slug\":\"f%ld\"}",
      body, md5, atomic_fetch_add(&files, 1));
  } else if (!strcmp(path, "/v1/chunked-file-upload")) {
    if (!register_blocks(c, bytes, answer)) return 0;
  } else {
    if (chunked ? !drain_chunks(c, &body) : !drain(c, bytes, NULL)) return 0;
    if (sscanf(path, "/v1/chunked-file-upload/%63[^/]/%d/%31s", slug, &number, rest) == 3)
      about_blocks(slug, strcmp(rest, "status") != 0, answer);
    else
      snprintf(answer, sizeof answer,
        "{\"0\":{\"file_name\":\"f\",\"url\":\"http://127.0.0.1/file/%ld\",\"id\":\"i\",\"size\":%lld,\"ok\":true}}",
        atomic_fetch_add(&files, 1), body);
  }
  return respond(c, answer);
}

static void *serve(void *argument) {
  struct connection c = { .fd = (int)(long)argument, .buffer = malloc(HEAD), .piece = malloc(PIECE) };
  if (tls) {
    c.ssl = SSL_new(tls);
    SSL_set_fd(c.ssl, c.fd);
    if (SSL_accept(c.ssl) != 1) goto end;
  }
  while (serve_one(&c));
end:
  if (c.ssl) {
    SSL_shutdown(c.ssl);
    SSL_free(c.ssl);
  }
  close(c.fd);
  free(c.buffer);
  free(c.piece);
  return NULL;
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  for (int i = 1; i < count; i++) {
    if (!strcmp(arguments[i], "--md5")) known_md5 = arguments[++i];
    else if (!strcmp(arguments[i], "--delay-ms")) delay_ms = atoi(arguments[++i]);
    else if (!strcmp(arguments[i], "--tls")) {
      tls = SSL_CTX_new(TLS_server_method());
      /* One cipher for every client: the table compares clients, not their taste. */
      SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256");
      SSL_CTX_set_read_ahead(tls, 1);
      if (SSL_CTX_use_certificate_chain_file(tls, arguments[++i]) != 1) return 1;
      if (SSL_CTX_use_PrivateKey_file(tls, arguments[++i], SSL_FILETYPE_PEM) != 1) return 1;
    }
  }
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 512)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    pthread_t thread;
    if (fd >= 0 && pthread_create(&thread, &detached, serve, (void *)(long)fd)) close(fd);
  }
}
