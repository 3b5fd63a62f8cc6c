#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

struct kernel_entry {
  uint64_t ino;
  int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[];
};

#define CHUNK_BYTES (64 * 1024)

void listing_free(struct listing *listing) {
  free(listing->names);
  buffer_free(&listing->text);
  *listing = (struct listing){0};
}

/** Appends type byte, name and NUL of each entry. */
static int collect(const char *chunk, long size, struct listing *listing, struct failure *failure) {
  for (long at = 0; at < size;) {
    const struct kernel_entry *entry = (const void *)(chunk + at);
    at += entry->size;
    if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) continue;
    if (buffer_add(&listing->text, &entry->type, 1, failure) < 0) return -1;
    if (buffer_add(&listing->text, entry->name, strlen(entry->name) + 1, failure) < 0) return -1;
    listing->count++;
  }
  return 0;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int index_names(struct listing *listing, struct failure *failure) {
  listing->names = malloc(listing->count * (sizeof(char *) + 1) + 1);
  if (listing->names == NULL) return fail_memory(failure);
  listing->types = (unsigned char *)(listing->names + listing->count);
  char *at = (char *)listing->text.data;
  for (size_t i = 0; i < listing->count; i++) {
    listing->names[i] = at + 1;
    at += strlen(at + 1) + 2;
  }
  qsort(listing->names, listing->count, sizeof(char *), by_bytes);
  for (size_t i = 0; i < listing->count; i++) listing->types[i] = (unsigned char)listing->names[i][-1];
  return 0;
}

int listing_read(int fd, const char *path, struct listing *listing, struct failure *failure) {
  autofree char *chunk = malloc(CHUNK_BYTES);
  *listing = (struct listing){0};
  if (chunk == NULL) return fail_memory(failure);
  for (;;) {
    long size = syscall(SYS_getdents64, fd, chunk, CHUNK_BYTES);
    if (size == 0) break;
    if (size < 0) fail_errno(failure, errno, "getdents64", path);
    if (size < 0 || collect(chunk, size, listing, failure) < 0) {
      listing_free(listing);
      return -1;
    }
  }
  if (index_names(listing, failure) == 0) return 0;
  listing_free(listing);
  return -1;
}
