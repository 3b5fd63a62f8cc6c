/*
 * The error rule: a function that can fail returns a negative number and has filled in a failure.
 * The first failure of a box travels to the server over the box's report socket, and on to the client.
 */
#ifndef FORGE_FAILURE_H
#define FORGE_FAILURE_H

#include <stdint.h>

enum failure_kind { FAILED_SETUP = 1, FAILED_NOT_FOUND = 2, FAILED_NOT_EXECUTABLE = 3 };

struct failure {
  uint32_t kind;
  int32_t error;      /* errno */
  char operation[40]; /* the failing call or step: "mount overlay" */
  char detail[512];   /* the path or value it was about, cut when longer */
};

/* Fills in `failure` from errno; returns -1. */
int fail(struct failure *failure, const char *operation, const char *detail);
/* The same with an errno of our own. */
int fail_with(struct failure *failure, int error, const char *operation, const char *detail);

/* Messages on a box's report socket (SOCK_SEQPACKET), child to server. */
enum report_type {
  REPORT_FAILURE = 1, /* a struct failure follows */
  REPORT_MASTER = 2,  /* the terminal's master side comes along as SCM_RIGHTS */
  REPORT_STARTED = 3, /* only from our init; without init, end of file says the same */
  REPORT_STATUS = 4   /* only from our init: the command's wait status */
};

struct report {
  uint32_t type;
  int32_t status;
  struct failure failure;
};

void send_failure(int socket, const struct failure *failure);
void send_report(int socket, enum report_type type, int status);
/* Sends a descriptor along; -1 and errno. */
int send_master(int socket, int master);
/* 1: a report was read (with *master >= 0 for REPORT_MASTER), 0: end of file, -1: nothing now. */
int receive_report(int socket, struct report *report, int *master);

#endif
