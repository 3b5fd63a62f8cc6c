#ifndef FORGE_BUFFER_H
#define FORGE_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

/** Bytes that grow at the end. Zero-initialise; free with buffer_free. */
struct buffer {
  uint8_t *data;
  size_t size, capacity;
};

static inline void buffer_free(struct buffer *buffer) {
  free(buffer->data);
  *buffer = (struct buffer){0};
}

#define autobuffer __attribute__((cleanup(buffer_free)))

/** Room for `size` more bytes after the end. */
static inline int buffer_reserve(struct buffer *buffer, size_t size, struct failure *failure) {
  if (buffer->capacity - buffer->size >= size) return 0;
  size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
  while (capacity - buffer->size < size) capacity += capacity / 2;
  uint8_t *data = realloc(buffer->data, capacity);
  if (data == NULL) return fail_memory(failure);
  buffer->data = data;
  buffer->capacity = capacity;
  return 0;
}

static inline int buffer_add(struct buffer *buffer, const void *data, size_t size, struct failure *failure) {
  if (buffer_reserve(buffer, size, failure) < 0) return -1;
  if (size > 0) memcpy(buffer->data + buffer->size, data, size);
  buffer->size += size;
  return 0;
}

/** The bytes as a C string; valid until the next change. NULL without memory. */
static inline const char *buffer_text(struct buffer *buffer, struct failure *failure) {
  if (buffer_reserve(buffer, 1, failure) < 0) return NULL;
  buffer->data[buffer->size] = '\0';
  return (const char *)buffer->data;
}

#endif
