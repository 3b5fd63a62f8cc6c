#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int fail_with(struct failure *failure, int error, const char *operation, const char *detail) {
  failure->kind = FAILED_SETUP;
  failure->error = error;
  snprintf(failure->operation, sizeof failure->operation, "%s", operation);
  snprintf(failure->detail, sizeof failure->detail, "%s", detail);
  return -1;
}

int fail(struct failure *failure, const char *operation, const char *detail) {
  return fail_with(failure, errno, operation, detail);
}

static void send_record(int socket, const struct report *report) {
  while (send(socket, report, sizeof *report, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
}

void send_failure(int socket, const struct failure *failure) {
  struct report report = {.type = REPORT_FAILURE, .failure = *failure};
  send_record(socket, &report);
}

void send_report(int socket, enum report_type type, int status) {
  struct report report = {.type = type, .status = status};
  send_record(socket, &report);
}

union descriptor_space {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

int send_master(int socket, int master) {
  struct report report = {.type = REPORT_MASTER};
  struct iovec part = {&report, sizeof report};
  union descriptor_space space = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &master, sizeof master);
  return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int receive_report(int socket, struct report *report, int *master) {
  struct iovec part = {report, sizeof *report};
  union descriptor_space space = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
  *master = -1;
  ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? -1 : 0;
  if (size == 0) return 0;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_type == SCM_RIGHTS) memcpy(master, CMSG_DATA(header), sizeof *master);
  return size == (ssize_t)sizeof *report ? 1 : -1;
}
