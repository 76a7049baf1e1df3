/* The limit on plain HTTP: one POST whose body the kernel copies from the page cache. sendfile-client PORT FILE */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count != 3) return 2;
  int file = open(arguments[2], O_RDONLY);
  struct stat about;
  if (file < 0 || fstat(file, &about)) return 1;
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(atoi(arguments[1])) };
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) return 1;
  char text[512];
  int size = snprintf(text, sizeof text, "POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %lld\r\n\r\n", (long long)about.st_size);
  if (send(fd, text, size, 0) != size) return 1;
  for (off_t at = 0; at < about.st_size;) if (sendfile(fd, file, &at, about.st_size - at) <= 0) return 1;
  ssize_t got = recv(fd, text, sizeof text - 1, 0);
  return got > 12 && !strncmp(text, "HTTP/1.1 200", 12) ? 0 : 1;
}
