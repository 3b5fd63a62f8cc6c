#include "extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive-path.h"
#include "beneath.h"
#include "cleanup.h"

/** Followed by the path's bytes and a NUL. */
struct directory_time {
  int64_t seconds;
  uint32_t nanoseconds, path_size;
};

/** The umask, which only umask(2) says otherwise, and that sets it for the whole process. */
static mode_t read_umask(void) {
  unsigned mask = 07777;
  char line[128];
  FILE *file = fopen("/proc/self/status", "re");
  if (file == NULL) return mask;
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "Umask: %o", &mask) == 1) break;
  }
  fclose(file);
  return mask;
}

static int remember_time(struct extract *extract, const char *path, const struct tar_entry *entry,
                         struct failure *failure) {
  struct directory_time time = {
      .seconds = entry->mtime_seconds,
      .nanoseconds = entry->mtime_nanoseconds,
      .path_size = (uint32_t)strlen(path) + 1,
  };
  if (buffer_add(&extract->directory_times, &time, sizeof time, failure) < 0) return -1;
  return buffer_add(&extract->directory_times, path, time.path_size, failure);
}

static int set_directory_time(struct extract *extract, const struct directory_time *time, const char *path,
                              struct failure *failure) {
  const struct timespec stamp = {.tv_sec = time->seconds, .tv_nsec = time->nanoseconds};
  const struct timespec times[2] = {stamp, stamp};
  autofd int fd = open_beneath(extract->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, BENEATH_NO_SYMLINKS);
  /* A later entry of the layer replaced it. */
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return 0;
  if (fd < 0) return fail_errno(failure, errno, "openat2", path);
  return futimens(fd, times) < 0 ? fail_errno(failure, errno, "futimens", path) : 0;
}

static int set_directory_times(struct extract *extract, struct failure *failure) {
  const uint8_t *at = extract->directory_times.data, *end = at + extract->directory_times.size;
  while (at < end) {
    struct directory_time time;
    memcpy(&time, at, sizeof time);
    at += sizeof time;
    if (set_directory_time(extract, &time, (const char *)at, failure) < 0) return -1;
    at += time.path_size;
  }
  return 0;
}

/** An entry for the root itself: only a directory's attributes make sense. */
static int apply_root(struct extract *extract, const struct tar_entry *entry, struct failure *failure) {
  if (entry->type != TAR_DIRECTORY) {
    return fail_code(failure, "EFORGE_ARCHIVE", entry->path, "the archive makes the root something else: %s",
                     entry->path);
  }
  autofd int fd = open_beneath(extract->root, ".", O_RDONLY | O_DIRECTORY, 0, BENEATH_NO_SYMLINKS);
  if (fd < 0) return fail_errno(failure, errno, "openat2", extract->options->root);
  extract->stale = true;
  if (set_attributes(extract, fd, true, extract->options->root, entry, failure) < 0) return -1;
  return remember_time(extract, "", entry, failure);
}

/** Where the entry really is: the directory's resolved path and the name. */
static int join(struct extract *extract, const struct place *place, const char *name, struct failure *failure) {
  struct buffer *path = &extract->path;
  path->size = 0;
  if (buffer_add(path, place->path, strlen(place->path), failure) < 0) return -1;
  if (path->size > 0 && buffer_add(path, "/", 1, failure) < 0) return -1;
  if (buffer_add(path, name, strlen(name), failure) < 0) return -1;
  return buffer_text(path, failure) == NULL ? -1 : 0;
}

static int check_limits(struct extract *extract, const struct tar_entry *entry, struct failure *failure) {
  extract->entries++;
  if (extract->entries > extract->options->max_entries) {
    return fail_code(failure, "EFORGE_LIMIT", entry->path, "the archive has more than %llu entries",
                     (unsigned long long)extract->options->max_entries);
  }
  if (entry->size > extract->options->max_bytes - extract->bytes) {
    return fail_code(failure, "EFORGE_LIMIT", entry->path, "the archive's files have more than %llu bytes",
                     (unsigned long long)extract->options->max_bytes);
  }
  extract->bytes += entry->size;
  return 0;
}

static int apply_entry(struct extract *extract, const struct tar_entry *entry, struct tar_reader *reader,
                       struct failure *failure) {
  const struct place *place;
  /* Some tools begin an archive with a nameless file; other readers pass over it as well. */
  if (entry->path[0] == '\0' && entry->type != TAR_DIRECTORY) return 0;
  if (path_clean(entry->path, &extract->clean, failure) < 0) return -1;
  if (extract->clean.size == 0) return apply_root(extract, entry, failure);
  char *path = (char *)extract->clean.data;
  size_t base = path_base(path);
  const char *name = path + base;
  if (base > 0) path[base - 1] = '\0';
  const char *parent = base > 0 ? path : "";
  bool is_whiteout = extract->options->whiteouts && strncmp(name, ".wh.", 4) == 0;
  if (is_whiteout) return apply_whiteout(extract, parent, name, failure);
  if (place_find(&extract->places, parent, true, &place, failure) < 0) return -1;
  if (join(extract, place, name, failure) < 0) return -1;
  const struct target target = {.place = place, .name = name, .path = (const char *)extract->path.data};
  int made = make_entry(extract, &target, entry, reader, failure);
  if (made <= 0) return made;
  if (entry->type == TAR_DIRECTORY && remember_time(extract, target.path, entry, failure) < 0) return -1;
  return seen_add(&extract->seen, target.path, failure);
}

/** Opens the directory that the archive's root becomes. */
static int open_destination(struct extract *extract, struct failure *failure) {
  const struct extract_options *options = extract->options;
  const struct place *place;
  int root = open_root(options->root, failure);
  if (root < 0) return -1;
  extract->root = root;
  extract->places.root = root;
  if (options->path[0] == '\0') return 0;
  if (path_clean(options->path, &extract->clean, failure) < 0) return -1;
  if (place_find(&extract->places, (const char *)extract->clean.data, true, &place, failure) < 0) return -1;
  extract->root = fcntl(place->fd, F_DUPFD_CLOEXEC, 3);
  if (extract->root < 0) fail_errno(failure, errno, "fcntl", options->path);
  places_forget(&extract->places);
  seen_free(&extract->seen);
  extract->places.root = extract->root;
  close(root);
  return extract->root < 0 ? -1 : 0;
}

static void begin(struct extract *extract) {
  extract->places.seen = &extract->seen;
  extract->umask = read_umask();
  extract->uid = geteuid();
  extract->gid = getegid();
  if (!extract->options->sets_owner) return;
  extract->places.uid = extract->options->uid;
  extract->places.gid = extract->options->gid;
}

int extract_archive(const struct extract_options *options, struct tar_reader *reader, const struct control *control,
                    struct extract *extract, struct failure *failure) {
  struct tar_entry entry;
  int status;
  extract->options = options;
  extract->control = control;
  begin(extract);
  if (open_destination(extract, failure) < 0) return -1;
  while ((status = tar_next(reader, &entry, failure)) == 1) {
    if (control_check(control, failure) < 0 || check_limits(extract, &entry, failure) < 0) return -1;
    if (options->sets_owner) {
      entry.uid = options->uid;
      entry.gid = options->gid;
    }
    if (apply_entry(extract, &entry, reader, failure) < 0) return -1;
    if (extract->stale) places_forget(&extract->places);
    extract->stale = false;
    control_add(control, CONTROL_ENTRIES, 1);
  }
  return status < 0 ? -1 : set_directory_times(extract, failure);
}

void extract_close(struct extract *extract) {
  places_forget(&extract->places);
  if (extract->root > 0) close(extract->root);
  seen_free(&extract->seen);
  buffer_free(&extract->clean);
  buffer_free(&extract->path);
  buffer_free(&extract->directory_times);
}
