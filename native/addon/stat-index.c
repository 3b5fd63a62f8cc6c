#include "stat-index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>

#include "cleanup.h"

#define MAGIC 0x3130584449534601u
#define RACY_SECONDS 2
#define FORGET_SECONDS (45 * 24 * 3600)
#define MAX_SLOTS (1u << 24)

/* The file: a header, then a hash table of slots (a power of two), open addressing. */
struct header {
  uint64_t magic;
  uint64_t slots;
};

struct slot {
  uint64_t device;
  uint64_t inode;
  uint64_t size;
  int64_t mtime_ns;
  int64_t ctime_ns;
  uint8_t digest[SHA256_SIZE];
  /** When it was added, seconds; 0 for an empty slot. */
  uint32_t added;
  uint32_t check;
};

static int64_t nanoseconds(struct timespec time) { return time.tv_sec * 1000000000 + time.tv_nsec; }

static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 32;
}

static size_t home(const struct slot *slot) { return (size_t)mix(mix(1, slot->device), slot->inode); }

/* Finds bits that the disk has changed. */
static uint32_t checksum(const struct slot *slot) {
  uint64_t words[offsetof(struct slot, check) / sizeof(uint64_t) + 1] = {0};
  uint64_t hash = MAGIC;
  memcpy(words, slot, offsetof(struct slot, check));
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) hash = mix(hash, words[i]);
  return (uint32_t)hash;
}

static struct slot make_slot(const struct stat *stat) {
  return (struct slot){.device = stat->st_dev,
                       .inode = stat->st_ino,
                       .size = (uint64_t)stat->st_size,
                       .mtime_ns = nanoseconds(stat->st_mtim),
                       .ctime_ns = nanoseconds(stat->st_ctim)};
}

static bool same_file(const struct slot *a, const struct slot *b) {
  return a->inode == b->inode && a->device == b->device;
}

static bool same_state(const struct slot *a, const struct slot *b) {
  return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static const struct slot *slots_of(const struct stat_index *index) {
  return (const struct slot *)(const void *)((const char *)index->map + sizeof(struct header));
}

static size_t slot_count(const struct stat_index *index) {
  return index->map == NULL ? 0 : (size_t)((const struct header *)index->map)->slots;
}

static bool is_valid(const struct header *header, size_t size) {
  return header->magic == MAGIC && header->slots > 0 && header->slots <= MAX_SLOTS &&
         (header->slots & (header->slots - 1)) == 0 &&
         size == sizeof *header + header->slots * sizeof(struct slot);
}

int stat_index_open(struct stat_index *index, const char *path, struct failure *failure) {
  struct stat stat;
  *index = (struct stat_index){0};
  clock_gettime(CLOCK_REALTIME, &index->opened);
  if (path == NULL) return 0;
  index->path = strdup(path);
  if (index->path == NULL) return fail_memory(failure);
  autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &stat) < 0 || (size_t)stat.st_size < sizeof(struct header)) return 0;
  void *map = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  if (map == MAP_FAILED) return 0;
  index->map_size = (size_t)stat.st_size;
  if (is_valid(map, index->map_size)) index->map = map;
  else munmap(map, index->map_size);
  return 0;
}

void stat_index_close(struct stat_index *index) {
  if (index->map != NULL) munmap((void *)(uintptr_t)index->map, index->map_size);
  free(index->path);
  *index = (struct stat_index){0};
}

int stat_index_find(const struct stat_index *index, const struct stat *stat, uint8_t digest[SHA256_SIZE]) {
  const size_t count = slot_count(index);
  const struct slot wanted = make_slot(stat);
  if (count == 0) return 0;
  for (size_t at = home(&wanted), probes = 0; probes < count; at++, probes++) {
    const struct slot *slot = &slots_of(index)[at & (count - 1)];
    if (slot->added == 0) return 0;
    if (!same_file(slot, &wanted)) continue;
    if (!same_state(slot, &wanted) || slot->check != checksum(slot)) return 0;
    memcpy(digest, slot->digest, SHA256_SIZE);
    return 1;
  }
  return 0;
}

/* Puts a slot in, in place of an older one of the same file. The table is never full. */
static void put(struct slot *slots, size_t count, const struct slot *slot) {
  size_t at = home(slot) & (count - 1);
  while (slots[at].added != 0 && !same_file(&slots[at], slot)) at = (at + 1) & (count - 1);
  slots[at] = *slot;
}

static bool is_racy(const struct stat_index *index, const struct slot *slot) {
  int64_t limit = nanoseconds(index->opened) - RACY_SECONDS * 1000000000LL;
  return slot->mtime_ns >= limit || slot->ctime_ns >= limit;
}

static void fill(struct slot *slots, size_t count, const struct stat_index *index,
                 const struct stat_index_entry *entries, size_t entry_count) {
  const uint32_t now = (uint32_t)index->opened.tv_sec;
  for (size_t i = 0; i < slot_count(index); i++) {
    const struct slot *old = &slots_of(index)[i];
    bool fresh = old->added != 0 && now - old->added < FORGET_SECONDS;
    if (fresh && old->check == checksum(old)) put(slots, count, old);
  }
  for (size_t i = 0; i < entry_count; i++) {
    struct slot slot = make_slot(&entries[i].stat);
    if (is_racy(index, &slot)) continue;
    memcpy(slot.digest, entries[i].digest, SHA256_SIZE);
    slot.added = now;
    slot.check = checksum(&slot);
    put(slots, count, &slot);
  }
}

/*
 * Takes the right to write the next index: `path.new`, locked. -1 when another process has it.
 * The name is checked after locking, as its holder may have renamed the file meanwhile.
 */
static int open_new(const char *path) {
  struct stat locked, named;
  autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) return -1;
  if (fstat(fd, &locked) < 0 || stat(path, &named) < 0 || locked.st_ino != named.st_ino) return -1;
  return keep_fd(&fd);
}

static void write_table(const char *path, const char *new_path, const struct slot *slots, size_t count) {
  const struct header header = {.magic = MAGIC, .slots = count};
  const size_t size = count * sizeof *slots;
  autofd int fd = open_new(new_path);
  if (fd < 0) return;
  bool written = ftruncate(fd, 0) == 0 && pwrite(fd, &header, sizeof header, 0) == sizeof header;
  for (size_t at = 0; written && at < size;) {
    ssize_t put_bytes = pwrite(fd, (const char *)slots + at, size - at, (off_t)(sizeof header + at));
    written = put_bytes > 0;
    at += written ? (size_t)put_bytes : 0;
  }
  if (!written || rename(new_path, path) < 0) unlink(new_path);
}

void stat_index_save(const struct stat_index *index, const struct stat_index_entry *entries, size_t count) {
  size_t used = count, slots = 1024;
  char new_path[PATH_MAX];
  if (index->path == NULL || snprintf(new_path, sizeof new_path, "%s.new", index->path) >= PATH_MAX) return;
  for (size_t i = 0; i < slot_count(index); i++) used += slots_of(index)[i].added != 0;
  while (slots < used * 2) slots *= 2;
  if (slots > MAX_SLOTS) return;
  autofree struct slot *table = calloc(slots, sizeof *table);
  if (table == NULL) return;
  fill(table, slots, index, entries, count);
  write_table(index->path, new_path, table, slots);
}
