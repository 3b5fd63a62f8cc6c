#include "fill.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"

/** One thread's way into the tree. */
struct filler {
  const struct tree_source *source;
  int root;
  /** The directory of the last file; most files are next to the one before. */
  int directory;
  uint32_t directory_node;
  struct buffer header, path;
};

static int read_at(int fd, const char *path, uint64_t offset, uint8_t *to, size_t size, struct failure *failure) {
  while (size > 0) {
    ssize_t count = pread(fd, to, size, (off_t)offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(failure, errno, "read", path);
    if (count == 0) return fail_code(failure, "EFORGE_CHANGED", path, "file shrank while it was read: %s", path);
    to += count;
    offset += (uint64_t)count;
    size -= (size_t)count;
  }
  return 0;
}

/** Opens a directory of any depth: openat2 takes no more than PATH_MAX at once. */
static int open_directory(int root, char *path, struct failure *failure) {
  int fd = open_beneath(root, ".", O_PATH | O_DIRECTORY, 0, BENEATH_NO_SYMLINKS);
  char *rest = path;
  while (fd >= 0 && *rest != '\0') {
    char *end = rest + strlen(rest);
    if (end - rest >= PATH_MAX) {
      for (end = rest + PATH_MAX - 1; *end != '/'; end--) continue;
    }
    char after = *end;
    *end = '\0';
    int next = open_beneath(fd, rest, O_PATH | O_DIRECTORY, 0, BENEATH_NO_SYMLINKS);
    close(fd);
    *end = after;
    rest = after == '\0' ? end : end + 1;
    fd = next;
  }
  return fd < 0 ? fail_errno(failure, errno, "openat2", path) : fd;
}

static int enter_directory(struct filler *filler, uint32_t node, struct failure *failure) {
  if (filler->directory >= 0 && filler->directory_node == node) return 0;
  if (filler->directory >= 0) close(filler->directory);
  filler->directory = -1;
  if (tree_path(filler->source->tree, node, &filler->path, failure) < 0) return -1;
  if (buffer_text(&filler->path, failure) == NULL) return -1;
  filler->directory = open_directory(filler->root, (char *)filler->path.data, failure);
  filler->directory_node = node;
  return filler->directory < 0 ? -1 : 0;
}

/** Reads `size` bytes at `offset` of a file and makes sure it still has the size that was announced. */
static int read_file(struct filler *filler, uint32_t index, uint64_t offset, uint8_t *to, size_t size,
                     struct failure *failure) {
  const struct tree *tree = filler->source->tree;
  const struct node *node = &tree->nodes[index];
  const char *name = (const char *)tree->names.data + node->name;
  struct stat status;
  if (enter_directory(filler, node->parent, failure) < 0) return -1;
  autofd int fd = openat(filler->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  int error = errno;
  if (tree_path(tree, index, &filler->path, failure) < 0) return -1;
  const char *path = buffer_text(&filler->path, failure);
  if (path == NULL) return -1;
  if (fd < 0) return fail_errno(failure, error, "open", path);
  if (fstat(fd, &status) < 0) return fail_errno(failure, errno, "fstat", path);
  if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != node->size) {
    return fail_code(failure, "EFORGE_CHANGED", path, "file changed while the layer was made: %s", path);
  }
  return read_at(fd, path, offset, to, size, failure);
}

/** The part of [start, start + size) that a window of `room` bytes at `offset` shows. */
static size_t overlap(uint64_t start, uint64_t size, uint64_t offset, size_t room) {
  uint64_t end = start + size, limit = offset + room;
  if (end > limit) end = limit;
  if (start < offset) start = offset;
  return end > start ? (size_t)(end - start) : 0;
}

/** Writes what lies at `offset` of the tar, at most `size` bytes, of one node; returns how many. */
static ssize_t fill_node(struct filler *filler, uint32_t index, uint64_t offset, uint8_t *to, size_t size,
                         struct failure *failure) {
  const struct node *node = &filler->source->tree->nodes[index];
  uint64_t content = node->offset + node->header_size;
  size_t done = overlap(node->offset, node->header_size, offset, size);
  if (done > 0) {
    if (tree_header(filler->source->tree, index, &filler->header, failure) < 0) return -1;
    memcpy(to, filler->header.data + (offset - node->offset), done);
  }
  size_t part = overlap(content, node->size, offset + done, size - done);
  if (part > 0) {
    if (read_file(filler, index, offset + done - content, to + done, part, failure) < 0) return -1;
    done += part;
  }
  part = overlap(content + node->size, tar_round(node->size) - node->size, offset + done, size - done);
  memset(to + done, 0, part);
  return (ssize_t)(done + part);
}

static int fill_tree(void *state, uint64_t offset, uint8_t *to, size_t size, struct failure *failure) {
  struct filler *filler = state;
  const struct tree *tree = filler->source->tree;
  uint64_t trailer = tree->tar_size - 2 * TAR_BLOCK;
  for (size_t i = tree_find(tree, offset); i < tree->count && size > 0 && offset < trailer; i++) {
    ssize_t done = fill_node(filler, (uint32_t)i, offset, to, size, failure);
    if (done < 0) return -1;
    offset += (uint64_t)done;
    to += done;
    size -= (size_t)done;
  }
  memset(to, 0, size);
  return 0;
}

static void *open_tree(const void *context, struct failure *failure) {
  const struct tree_source *source = context;
  struct filler *filler = calloc(1, sizeof *filler);
  if (filler == NULL) return fail_memory(failure), NULL;
  filler->source = source;
  filler->directory = -1;
  filler->root = open_root(source->root, failure);
  if (filler->root >= 0) return filler;
  free(filler);
  return NULL;
}

static void close_tree(void *state) {
  struct filler *filler = state;
  if (filler->directory >= 0) close(filler->directory);
  close(filler->root);
  buffer_free(&filler->header);
  buffer_free(&filler->path);
  free(filler);
}

struct block_source tree_blocks(const struct tree_source *source) {
  return (struct block_source){
      .size = source->tree->tar_size,
      .open = open_tree,
      .fill = fill_tree,
      .close = close_tree,
      .context = source,
  };
}

static void *open_file(const void *context, struct failure *failure) {
  (void)failure;
  return (void *)context;
}

static int fill_file(void *state, uint64_t offset, uint8_t *to, size_t size, struct failure *failure) {
  const struct file_source *source = state;
  return read_at(source->fd, source->path, offset, to, size, failure);
}

static void close_file(void *state) { (void)state; }

struct block_source file_blocks(const struct file_source *source) {
  return (struct block_source){
      .size = source->size,
      .open = open_file,
      .fill = fill_file,
      .close = close_file,
      .context = source,
  };
}
