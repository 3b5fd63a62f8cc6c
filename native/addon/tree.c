#include "tree.h"

#include <sys/stat.h>

void tree_free(struct tree *tree) {
  free(tree->nodes);
  buffer_free(&tree->names);
  buffer_free(&tree->extras);
  *tree = (struct tree){0};
}

/* Keeps the headers in `extras` aligned. */
static int pad_extras(struct tree *tree, struct failure *failure) {
  return buffer_add(&tree->extras, "\0\0\0", (4 - tree->extras.size % 4) % 4, failure);
}

static int add_extra(struct tree *tree, const struct tree_entry *entry, struct failure *failure) {
  struct extra extra = {
      .major = entry->major,
      .minor = entry->minor,
      .hardlink_of = entry->hardlink_of,
      .link_size = entry->link == NULL ? 0 : (uint32_t)strlen(entry->link) + 1,
      .records_size = entry->records == NULL ? 0 : (uint32_t)entry->records->size,
  };
  if (tree->extras.size > UINT32_MAX / 2) return fail_code(failure, "E2BIG", NULL, "too many links and xattrs");
  if (buffer_add(&tree->extras, &extra, sizeof extra, failure) < 0) return -1;
  if (buffer_add(&tree->extras, entry->link, extra.link_size, failure) < 0) return -1;
  if (extra.records_size == 0) return pad_extras(tree, failure);
  if (buffer_add(&tree->extras, entry->records->data, extra.records_size, failure) < 0) return -1;
  return pad_extras(tree, failure);
}

static int grow(struct tree *tree, struct failure *failure) {
  if (tree->count < tree->capacity) return 0;
  size_t capacity = tree->capacity < 64 ? 64 : tree->capacity + tree->capacity / 2;
  struct node *nodes = realloc(tree->nodes, capacity * sizeof *nodes);
  if (nodes == NULL) return fail_memory(failure);
  tree->nodes = nodes;
  tree->capacity = capacity;
  return 0;
}

int tree_add(struct tree *tree, const struct tree_entry *entry, struct failure *failure) {
  bool extra = entry->link != NULL || entry->hardlink_of != 0 || S_ISCHR(entry->mode) || S_ISBLK(entry->mode) ||
               (entry->records != NULL && entry->records->size > 0);
  if (tree->count >= NODE_ROOT - 1 || tree->names.size > UINT32_MAX / 2) {
    return fail_code(failure, "E2BIG", NULL, "too many entries for one layer");
  }
  struct node node = {
      .size = S_ISREG(entry->mode) && entry->hardlink_of == 0 ? entry->size : 0,
      .mtime_seconds = entry->mtime_seconds,
      .mtime_nanoseconds = entry->mtime_nanoseconds,
      .parent = entry->parent,
      .name = (uint32_t)tree->names.size,
      .mode = entry->mode,
      .uid = entry->uid,
      .gid = entry->gid,
      .extra = extra ? (uint32_t)tree->extras.size + 1 : 0,
  };
  if (grow(tree, failure) < 0 || (extra && add_extra(tree, entry, failure) < 0)) return -1;
  if (buffer_add(&tree->names, entry->name, strlen(entry->name) + 1, failure) < 0) return -1;
  tree->nodes[tree->count++] = node;
  return 0;
}

void tree_truncate(struct tree *tree, size_t index) {
  if (index >= tree->count) return;
  tree->names.size = tree->nodes[index].name;
  for (size_t i = index; i < tree->count; i++) {
    if (tree->nodes[i].extra == 0) continue;
    tree->extras.size = tree->nodes[i].extra - 1;
    break;
  }
  tree->count = index;
}

static const char *name_of(const struct tree *tree, uint32_t index) {
  return (const char *)tree->names.data + tree->nodes[index].name;
}

int tree_path(const struct tree *tree, uint32_t index, struct buffer *path, struct failure *failure) {
  size_t size = 0;
  for (uint32_t i = index; i != NODE_ROOT; i = tree->nodes[i].parent) size += strlen(name_of(tree, i)) + 1;
  path->size = 0;
  if (buffer_reserve(path, size + 2, failure) < 0) return -1;
  if (size == 0) return 0;
  size_t at = size;
  for (uint32_t i = index; i != NODE_ROOT; i = tree->nodes[i].parent) {
    size_t length = strlen(name_of(tree, i));
    path->data[--at] = '/';
    at -= length;
    memcpy(path->data + at, name_of(tree, i), length);
  }
  path->size = size - 1;
  return 0;
}

static char type_of(const struct node *node, const struct extra *extra) {
  if (extra != NULL && extra->hardlink_of != 0) return '1';
  switch (node->mode & S_IFMT) {
    case S_IFLNK: return '2';
    case S_IFCHR: return '3';
    case S_IFBLK: return '4';
    case S_IFDIR: return '5';
    case S_IFIFO: return '6';
    default: return '0';
  }
}

/** Fills in a member; `path` and `link` hold its texts. */
static int member_of(const struct tree *tree, uint32_t index, struct tar_member *member, struct buffer texts[2],
                     struct failure *failure) {
  const struct node *node = &tree->nodes[index];
  const struct extra *extra = NULL;
  if (node->extra != 0) extra = (const void *)(tree->extras.data + node->extra - 1);
  if (tree_path(tree, index, &texts[0], failure) < 0) return -1;
  if (S_ISDIR(node->mode)) texts[0].data[texts[0].size++] = '/';
  *member = (struct tar_member){
      .type = type_of(node, extra),
      .path = buffer_text(&texts[0], failure),
      .mode = node->mode,
      .uid = node->uid,
      .gid = node->gid,
      .size = node->size,
      .mtime_seconds = node->mtime_seconds,
      .mtime_nanoseconds = node->mtime_nanoseconds,
  };
  if (member->path == NULL) return -1;
  if (extra == NULL) return 0;
  member->major = extra->major;
  member->minor = extra->minor;
  const uint8_t *rest = (const uint8_t *)(extra + 1);
  if (extra->link_size > 0) member->link = (const char *)rest;
  member->records = rest + extra->link_size;
  member->records_size = extra->records_size;
  if (extra->hardlink_of == 0) return 0;
  if (tree_path(tree, extra->hardlink_of - 1, &texts[1], failure) < 0) return -1;
  member->link = buffer_text(&texts[1], failure);
  return member->link == NULL ? -1 : 0;
}

int tree_layout(struct tree *tree, struct failure *failure) {
  struct buffer texts[2] = {{0}, {0}};
  uint64_t offset = 0;
  int status = 0;
  for (size_t i = 0; i < tree->count && status == 0; i++) {
    struct tar_member member;
    struct node *node = &tree->nodes[i];
    status = member_of(tree, (uint32_t)i, &member, texts, failure);
    if (status < 0) break;
    node->header_size = (uint32_t)tar_header_size(&member);
    node->offset = offset;
    offset += node->header_size + tar_round(node->size);
  }
  buffer_free(&texts[0]);
  buffer_free(&texts[1]);
  tree->tar_size = offset + 2 * TAR_BLOCK;
  return status;
}

int tree_header(const struct tree *tree, uint32_t index, struct buffer *header, struct failure *failure) {
  struct buffer texts[2] = {{0}, {0}};
  struct tar_member member;
  size_t size = tree->nodes[index].header_size;
  header->size = 0;
  int status = buffer_reserve(header, size, failure);
  if (status == 0) status = member_of(tree, index, &member, texts, failure);
  if (status == 0) {
    tar_header_write(&member, header->data);
    header->size = size;
  }
  buffer_free(&texts[0]);
  buffer_free(&texts[1]);
  return status;
}

size_t tree_find(const struct tree *tree, uint64_t offset) {
  size_t low = 0, high = tree->count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (tree->nodes[middle].offset <= offset) low = middle;
    else high = middle;
  }
  return low;
}
