/*
 * Starts commands over and over, in turn, and measures each run: A B C A B C ...
 *
 *     spawner ROUNDS COMMAND...      where COMMAND is: -- [NAME=VALUE...] PROGRAM [ARG...]
 *
 * Taking turns makes a disturbance of the machine hit every command alike.
 * One line per run: command number, nanoseconds from before the start until
 * the end was collected, peak memory in KiB, minor page faults, exit code.
 * Standard input, output and error of the programs are /dev/null.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

struct command {
  char **argv;
  char **environment;
};

static void fail(const char *what) {
  fprintf(stderr, "spawner: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* The inherited environment with the assignments before it, so that they win. */
static char **environment_with(char **assignments, int count) {
  int inherited = 0;
  while (environ[inherited] != NULL) inherited++;
  char **result = calloc((size_t)(count + inherited + 1), sizeof *result);
  if (result == NULL) fail("calloc");
  int used = 0;
  for (int at = 0; at < count; at++) result[used++] = assignments[at];
  for (int at = 0; at < inherited; at++) {
    size_t name = strcspn(environ[at], "=") + 1;
    int replaced = 0;
    for (int other = 0; other < count; other++) {
      if (strncmp(assignments[other], environ[at], name) == 0) replaced = 1;
    }
    if (!replaced) result[used++] = environ[at];
  }
  return result;
}

static struct command parse(char **words) {
  int assignments = 0;
  while (words[assignments] != NULL && strchr(words[assignments], '=') != NULL) assignments++;
  return (struct command){words + assignments, environment_with(words, assignments)};
}

static long long nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void measure(int number, const struct command *command, const posix_spawn_file_actions_t *actions) {
  pid_t pid;
  int status;
  struct rusage usage;
  long long start = nanoseconds();
  /* posix_spawn shares the memory until exec, so it costs the same however large this process is. */
  int error = posix_spawn(&pid, command->argv[0], actions, NULL, command->argv, command->environment);
  if (error != 0) {
    errno = error;
    fail(command->argv[0]);
  }
  while (wait4(pid, &status, 0, &usage) < 0) {
    if (errno != EINTR) fail("wait4");
  }
  long long took = nanoseconds() - start;
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  printf("%d %lld %ld %ld %d\n", number, took, usage.ru_maxrss, usage.ru_minflt, code);
}

int main(int argc, char **argv) {
  enum { MOST_COMMANDS = 16 };
  struct command commands[MOST_COMMANDS];
  int count = 0;
  long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
  for (int at = argc - 1; at > 1; at--) {
    if (strcmp(argv[at], "--") == 0) argv[at] = NULL;
  }
  for (int at = 2; at + 1 < argc && count < MOST_COMMANDS; at++) {
    if (argv[at] == NULL) commands[count++] = parse(argv + at + 1);
  }
  if (rounds < 1 || count == 0) {
    fprintf(stderr, "usage: spawner ROUNDS -- [NAME=VALUE...] PROGRAM [ARG...] [-- ...]\n");
    return 2;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  for (long round = 0; round < rounds; round++) {
    for (int number = 0; number < count; number++) measure(number, &commands[number], &actions);
  }
  return 0;
}
