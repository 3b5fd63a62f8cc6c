/* Feeds arbitrary bytes to the archive reader, in pieces whose size the first byte says. */
#include <stdio.h>

#include "../addon/archive-path.h"
#include "../addon/tar-read.h"

struct memory {
  const uint8_t *data;
  size_t size, piece;
};

static int next_piece(void *context, const uint8_t **data, size_t *size, struct failure *failure) {
  struct memory *memory = context;
  (void)failure;
  if (memory->size == 0) return 0;
  *size = memory->size < memory->piece ? memory->size : memory->piece;
  *data = memory->data;
  memory->data += *size;
  memory->size -= *size;
  return 1;
}

/** What every reader of entries relies on. */
static void check_entry(const struct tar_entry *entry) {
  uint64_t end = 0;
  for (size_t i = 0; i < entry->extent_count; i++) {
    if (entry->extents[i].offset < end) __builtin_trap();
    end = entry->extents[i].offset + entry->extents[i].size;
  }
  if (end > entry->size || entry->uid == UINT32_MAX || entry->gid == UINT32_MAX) __builtin_trap();
  if (entry->mtime_nanoseconds > 999999999) __builtin_trap();
  for (size_t i = 0; i < entry->xattr_count; i++) {
    if (strlen(entry->xattrs[i].name) == 0) __builtin_trap();
    if (entry->xattrs[i].size > 0 && entry->xattrs[i].value[entry->xattrs[i].size - 1] == 'x') end++;
  }
}

static void check_path(const char *path, struct buffer *clean, struct failure *failure) {
  if (path_clean(path, clean, failure) < 0) return;
  const char *text = (const char *)clean->data;
  if (text[0] == '/' || strcmp(text, "..") == 0 || strncmp(text, "../", 3) == 0) __builtin_trap();
  if (strstr(text, "/../") != NULL || strstr(text, "//") != NULL) __builtin_trap();
}

/** Makes the checksum of each block that looks like a header right, so that more than it is tested. */
static void fix_checksums(uint8_t *data, size_t size) {
  for (uint8_t *block = data; block + 512 <= data + size; block += 512) {
    unsigned sum = 0;
    char text[8];
    if (memcmp(block + 257, "ustar", 5) != 0) continue;
    memset(block + 148, ' ', 8);
    for (int i = 0; i < 512; i++) sum += block[i];
    snprintf(text, sizeof text, "%06o", sum);
    memcpy(block + 148, text, 7);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  struct failure failure;
  struct tar_entry entry;
  struct buffer clean = {0};
  if (size == 0) return 0;
  uint8_t *copy = malloc(size);
  memcpy(copy, bytes + 1, size - 1);
  fix_checksums(copy, size - 1);
  struct memory memory = {.data = copy, .size = size - 1, .piece = (size_t)bytes[0] * 7 + 1};
  const struct tar_input input = {.next = next_piece, .context = &memory};
  struct tar_reader *reader = tar_open(&input, &failure);
  while (reader != NULL && tar_next(reader, &entry, &failure) == 1) {
    const uint8_t *data;
    size_t count;
    uint64_t offset, end = 0;
    check_entry(&entry);
    check_path(entry.path, &clean, &failure);
    while (tar_data(reader, &data, &count, &offset, &failure) == 1) {
      if (offset < end || count == 0) __builtin_trap();
      end = offset + count;
    }
  }
  tar_close(reader);
  buffer_free(&clean);
  free(copy);
  return 0;
}
