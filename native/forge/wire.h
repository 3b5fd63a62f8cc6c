/* Reading what the client sent: little-endian numbers and length-prefixed, NUL-terminated strings. */
#ifndef FORGE_WIRE_H
#define FORGE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
  const unsigned char *at;
  const unsigned char *end;
  bool truncated; /* something was missing; everything read since then is zero or empty */
};

struct text {
  const char *data; /* NUL-terminated; may hold further NULs when it stands for bytes */
  size_t size;      /* without that last NUL */
};

uint8_t take_u8(struct cursor *cursor);
uint32_t take_u32(struct cursor *cursor);
uint64_t take_u64(struct cursor *cursor);
struct text take_text(struct cursor *cursor);
/* The next length-prefixed stretch as a cursor of its own. */
struct cursor take_section(struct cursor *cursor);

/* Frame types; src/exec/frames.ts has the same numbers. */
enum client_frame { FRAME_RUN = 1, FRAME_SIGNAL = 2, FRAME_STDIN = 3, FRAME_STDIN_END = 4, FRAME_RESIZE = 5 };
enum server_frame {
  FRAME_STARTED = 1,
  FRAME_STDOUT = 2,
  FRAME_STDERR = 3,
  FRAME_FAILED = 4,
  FRAME_EXITED = 5,
  FRAME_STDIN_TAKEN = 6
};

/* length (u32, of what follows the header), type (u8), box id (u32) */
#define FRAME_HEADER 9
#define FRAME_LIMIT (256u << 20)

/* A growing buffer for a frame's payload. */
struct builder {
  unsigned char *data;
  size_t size, capacity;
};

int put_bytes(struct builder *builder, const void *data, size_t size);
int put_u32(struct builder *builder, uint32_t value);
int put_u64(struct builder *builder, uint64_t value);
int put_text(struct builder *builder, const char *data, size_t size);

/* Sends one frame whole, blocking; -1 when the client is gone. */
int send_frame(int socket, enum server_frame type, uint32_t box, const void *data, size_t size);

#endif
