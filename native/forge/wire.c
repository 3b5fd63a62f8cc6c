#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static const unsigned char *take(struct cursor *cursor, size_t size) {
  if (cursor->truncated || (size_t)(cursor->end - cursor->at) < size) {
    cursor->truncated = true;
    return NULL;
  }
  const unsigned char *at = cursor->at;
  cursor->at += size;
  return at;
}

static uint64_t take_number(struct cursor *cursor, size_t size) {
  const unsigned char *at = take(cursor, size);
  uint64_t value = 0;
  if (at)
    for (size_t i = size; i > 0; i--) value = value << 8 | at[i - 1];
  return value;
}

uint8_t take_u8(struct cursor *cursor) { return (uint8_t)take_number(cursor, 1); }
uint32_t take_u32(struct cursor *cursor) { return (uint32_t)take_number(cursor, 4); }
uint64_t take_u64(struct cursor *cursor) { return take_number(cursor, 8); }

struct text take_text(struct cursor *cursor) {
  size_t size = take_u32(cursor);
  const unsigned char *at = take(cursor, size + 1);
  if (!at || at[size] != 0) {
    cursor->truncated = true;
    return (struct text){"", 0};
  }
  return (struct text){(const char *)at, size};
}

struct cursor take_section(struct cursor *cursor) {
  size_t size = take_u32(cursor);
  const unsigned char *at = take(cursor, size);
  if (!at) return (struct cursor){cursor->end, cursor->end, true};
  return (struct cursor){at, at + size, false};
}

int put_bytes(struct builder *builder, const void *data, size_t size) {
  if (builder->size + size > builder->capacity) {
    size_t capacity = (builder->size + size) * 2;
    unsigned char *grown = realloc(builder->data, capacity);
    if (!grown) return -1;
    builder->data = grown;
    builder->capacity = capacity;
  }
  if (size > 0) memcpy(builder->data + builder->size, data, size);
  builder->size += size;
  return 0;
}

static void store(unsigned char *out, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; i++) out[i] = (unsigned char)(value >> (8 * i));
}

int put_u32(struct builder *builder, uint32_t value) {
  unsigned char bytes[4];
  store(bytes, value, sizeof bytes);
  return put_bytes(builder, bytes, sizeof bytes);
}

int put_u64(struct builder *builder, uint64_t value) {
  unsigned char bytes[8];
  store(bytes, value, sizeof bytes);
  return put_bytes(builder, bytes, sizeof bytes);
}

int put_text(struct builder *builder, const char *data, size_t size) {
  return put_u32(builder, (uint32_t)size) < 0 ? -1 : put_bytes(builder, data, size);
}

/* The socket is non-blocking for reading's sake: waiting for room is done here. */
static int send_all(int socket, struct iovec *parts, size_t count) {
  while (count > 0) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      struct pollfd room = {.fd = socket, .events = POLLOUT};
      if (poll(&room, 1, -1) < 0 && errno != EINTR) return -1;
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return -1;
    size_t left = (size_t)sent;
    while (count > 0 && left >= parts->iov_len) {
      left -= parts->iov_len;
      parts++;
      count--;
    }
    if (count > 0) {
      parts->iov_base = (char *)parts->iov_base + left;
      parts->iov_len -= left;
    }
  }
  return 0;
}

int send_frame(int socket, enum server_frame type, uint32_t box, const void *data, size_t size) {
  unsigned char header[FRAME_HEADER];
  store(header, size, 4);
  header[4] = (unsigned char)type;
  store(header + 5, box, 4);
  struct iovec parts[2] = {{header, sizeof header}, {(void *)(uintptr_t)data, size}};
  return send_all(socket, parts, size > 0 ? 2 : 1);
}
