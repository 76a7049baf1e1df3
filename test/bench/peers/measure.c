/*
 * Runs a command and writes what it cost: measure FILE COMMAND [ARGUMENT]…
 * FILE then holds one line: wall seconds, CPU seconds (user and system), peak of the resident memory in KiB.
 * A program of its own because the peak that the kernel reports of a child includes what its parent had at the fork.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec / 1e9;
}

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec / 1e6; }

int main(int count, char **arguments) {
  if (count < 3) return 2;
  double began = now();
  pid_t child = fork();
  if (child == 0) {
    execvp(arguments[2], arguments + 2);
    _exit(127);
  }
  int status;
  struct rusage used;
  if (child < 0 || wait4(child, &status, 0, &used) != child) return 1;
  double ended = now();
  FILE *file = fopen(arguments[1], "w");
  if (!file) return 1;
  fprintf(file, "%.6f %.6f %ld\n", ended - began, seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss);
  fclose(file);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
