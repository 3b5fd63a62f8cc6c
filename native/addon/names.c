#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK_BYTES (32 * 1024)

/* What getdents64(2) writes. */
struct record {
  uint64_t inode;
  int64_t offset;
  uint16_t size;
  uint8_t type;
  char name[];
};

static int add(struct names *names, const char *name) {
  size_t size = strlen(name) + 1;
  if (names->text_size + size > names->text_room) {
    size_t room = (names->text_size + size) * 2;
    char *text = realloc(names->text, room);
    if (text == NULL) return -1;
    names->text = text;
    names->text_room = room;
  }
  if (names->count == names->room) {
    size_t room = names->room * 2 + 16;
    size_t *offsets = realloc(names->offsets, room * sizeof *offsets);
    if (offsets == NULL) return -1;
    names->offsets = offsets;
    names->room = room;
  }
  names->offsets[names->count++] = names->text_size;
  memcpy(names->text + names->text_size, name, size);
  names->text_size += size;
  return 0;
}

static int add_block(struct names *names, const char *block, size_t size) {
  for (size_t at = 0; at < size;) {
    const struct record *record = (const struct record *)(const void *)(block + at);
    const char *name = record->name;
    at += record->size;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    if (add(names, name) < 0) return -1;
  }
  return 0;
}

int names_read(struct names *names, int fd, const char *path, struct failure *failure) {
  _Alignas(struct record) char block[BLOCK_BYTES];
  for (;;) {
    long size = syscall(SYS_getdents64, fd, block, sizeof block);
    if (size < 0) return fail_errno(failure, errno, "getdents64", path);
    if (size == 0) return 0;
    if (add_block(names, block, (size_t)size) < 0) return fail_memory(failure);
  }
}

static int compare(const void *a, const void *b, void *text) {
  return strcmp((char *)text + *(const size_t *)a, (char *)text + *(const size_t *)b);
}

void names_sort(struct names *names) {
  if (names->count > 1) qsort_r(names->offsets, names->count, sizeof *names->offsets, compare, names->text);
}

const char *names_at(const struct names *names, size_t index) { return names->text + names->offsets[index]; }

void names_free(struct names *names) {
  free(names->text);
  free(names->offsets);
  *names = (struct names){0};
}
