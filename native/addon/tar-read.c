#include "tar-read.h"

#include "tar-field.h"
#include "tar-sparse.h"
#include "tar-write.h"

/** The most that a PAX header or a GNU long name may be. */
#define META_MAX (1024 * 1024)

struct tar_reader {
  struct tar_input input;
  /** What is left of the piece last read. */
  const uint8_t *piece;
  size_t piece_size;
  bool ended;
  /** Bytes of the current entry that are still to come, and the padding behind them. */
  uint64_t data_left, padding_left;
  struct pax pax;
  struct buffer pax_data, long_name, long_link, name, link;
  struct buffer extents;
  size_t extent;
  uint64_t extent_done;
};

enum format { FORMAT_V7, FORMAT_USTAR, FORMAT_STAR, FORMAT_GNU };

static int malformed(struct failure *failure, const char *what) {
  return fail_code(failure, "EFORGE_ARCHIVE", NULL, "malformed archive: %s", what);
}

struct tar_reader *tar_open(const struct tar_input *input, struct failure *failure) {
  struct tar_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) return fail_memory(failure), NULL;
  reader->input = *input;
  return reader;
}

void tar_close(struct tar_reader *reader) {
  if (reader == NULL) return;
  pax_free(&reader->pax);
  buffer_free(&reader->pax_data);
  buffer_free(&reader->long_name);
  buffer_free(&reader->long_link);
  buffer_free(&reader->name);
  buffer_free(&reader->link);
  buffer_free(&reader->extents);
  free(reader);
}

/** Makes sure that there is an unread byte: 1, or 0 at the end of the input. */
static int more(struct tar_reader *reader, struct failure *failure) {
  while (reader->piece_size == 0) {
    int status = reader->input.next(reader->input.context, &reader->piece, &reader->piece_size, failure);
    if (status <= 0) {
      reader->piece_size = 0;
      return status;
    }
  }
  return 1;
}

/** Copies up to `size` bytes (drops them when `to` is NULL); returns how many there were, or -1. */
static int64_t take(struct tar_reader *reader, uint8_t *to, uint64_t size, struct failure *failure) {
  uint64_t done = 0;
  while (done < size) {
    int status = more(reader, failure);
    if (status < 0) return -1;
    if (status == 0) break;
    size_t part = size - done < reader->piece_size ? (size_t)(size - done) : reader->piece_size;
    if (to != NULL) memcpy(to + done, reader->piece, part);
    reader->piece += part;
    reader->piece_size -= part;
    done += part;
  }
  return (int64_t)done;
}

static bool is_zero(const uint8_t block[TAR_BLOCK]) {
  for (int i = 0; i < TAR_BLOCK; i++) {
    if (block[i] != 0) return false;
  }
  return true;
}

/** Reads the next header block: 1, 0 at the archive's end (two zero blocks, or the input's end). */
static int read_header(struct tar_reader *reader, uint8_t block[TAR_BLOCK], struct failure *failure) {
  int64_t size = take(reader, block, TAR_BLOCK, failure);
  if (size <= 0) return (int)size;
  if (size < TAR_BLOCK) return malformed(failure, "truncated header");
  if (is_zero(block)) {
    size = take(reader, block, TAR_BLOCK, failure);
    if (size <= 0) return (int)size;
    if (size < TAR_BLOCK || !is_zero(block)) return malformed(failure, "zero block before its end");
    return 0;
  }
  return checksum_matches(block) ? 1 : malformed(failure, "wrong header checksum");
}

static enum format format_of(const uint8_t block[TAR_BLOCK]) {
  if (memcmp(block + 257, "ustar  ", 8) == 0) return FORMAT_GNU;
  if (memcmp(block + 257, "ustar", 6) != 0) return FORMAT_V7;
  return memcmp(block + 508, "tar", 4) == 0 ? FORMAT_STAR : FORMAT_USTAR;
}

/** The text of a fixed field, which need not end with NUL. */
static int add_field(struct buffer *to, const uint8_t *field, size_t size, struct failure *failure) {
  return buffer_add(to, field, strnlen((const char *)field, size), failure);
}

/** The payload of a meta entry (PAX header, long name). */
static int read_meta(struct tar_reader *reader, uint64_t size, struct buffer *to, struct failure *failure) {
  to->size = 0;
  if (size > META_MAX) return malformed(failure, "extended header is larger than 1 MiB");
  if (buffer_reserve(to, size + 1, failure) < 0) return -1;
  int64_t got = take(reader, to->data, size, failure);
  if (got < 0) return -1;
  if ((uint64_t)got < size) return malformed(failure, "truncated extended header");
  to->size = size;
  return take(reader, NULL, tar_round(size) - size, failure) < 0 ? -1 : 0;
}

/** Cuts a long name at its first NUL. */
static int read_long(struct tar_reader *reader, uint64_t size, struct buffer *to, struct failure *failure) {
  if (read_meta(reader, size, to, failure) < 0) return -1;
  to->size = strnlen((const char *)to->data, to->size);
  return 0;
}

static int set_name(struct tar_reader *reader, const uint8_t *block, struct failure *failure) {
  enum format format = format_of(block);
  struct buffer *name = &reader->name;
  name->size = 0;
  if (format == FORMAT_USTAR || format == FORMAT_STAR) {
    if (add_field(name, block + 345, format == FORMAT_STAR ? 131 : 155, failure) < 0) return -1;
    if (name->size > 0 && buffer_add(name, "/", 1, failure) < 0) return -1;
  }
  if (add_field(name, block, 100, failure) < 0) return -1;
  reader->link.size = 0;
  return add_field(&reader->link, block + 157, 100, failure);
}

static int set_names(struct tar_reader *reader, const uint8_t *block, struct tar_entry *entry,
                     struct failure *failure) {
  const struct pax *pax = &reader->pax;
  if (set_name(reader, block, failure) < 0) return -1;
  entry->path = pax->path != NULL ? pax->path : buffer_text(&reader->name, failure);
  entry->link = pax->link != NULL ? pax->link : buffer_text(&reader->link, failure);
  if (reader->long_name.size > 0) entry->path = buffer_text(&reader->long_name, failure);
  if (reader->long_link.size > 0) entry->link = buffer_text(&reader->long_link, failure);
  return entry->path == NULL || entry->link == NULL ? -1 : 0;
}

/** A user or group id: 32 bits without the last one, which chown takes for "leave it". */
static int set_id(const uint8_t *field, bool has, int64_t number, uint32_t *out, struct failure *failure) {
  if (!has && !field_number(field, 8, &number)) return malformed(failure, "bad owner");
  if (number < 0 || number >= UINT32_MAX) return malformed(failure, "owner out of range");
  *out = (uint32_t)number;
  return 0;
}

static int set_device(const uint8_t *field, uint32_t *out, struct failure *failure) {
  int64_t number = 0;
  if (!field_number(field, 8, &number) || number < 0 || number > UINT32_MAX) {
    return malformed(failure, "bad device number");
  }
  *out = (uint32_t)number;
  return 0;
}

static int set_numbers(struct tar_reader *reader, const uint8_t *block, struct tar_entry *entry,
                       struct failure *failure) {
  const struct pax *pax = &reader->pax;
  int64_t mode = 0;
  if (!field_number(block + 100, 8, &mode)) return malformed(failure, "bad mode");
  entry->mode = (uint32_t)mode & 07777;
  if (set_id(block + 108, pax->has_uid, pax->uid, &entry->uid, failure) < 0) return -1;
  if (set_id(block + 116, pax->has_gid, pax->gid, &entry->gid, failure) < 0) return -1;
  if (!field_number(block + 136, 12, &entry->mtime_seconds)) return malformed(failure, "bad mtime");
  if (pax->has_mtime) {
    entry->mtime_seconds = pax->mtime_seconds;
    entry->mtime_nanoseconds = pax->mtime_nanoseconds;
  }
  if ((entry->type != TAR_CHAR && entry->type != TAR_BLOCK_DEVICE) || format_of(block) == FORMAT_V7) return 0;
  if (set_device(block + 329, &entry->major, failure) < 0) return -1;
  return set_device(block + 337, &entry->minor, failure);
}

static int set_type(const uint8_t *block, struct tar_entry *entry, struct failure *failure) {
  uint8_t flag = block[156];
  size_t length = strlen(entry->path);
  if (flag == '\0') flag = length > 0 && entry->path[length - 1] == '/' ? TAR_DIRECTORY : TAR_FILE;
  if (flag == '7' || flag == 'S') flag = TAR_FILE;
  if (flag < TAR_FILE || flag > TAR_FIFO) {
    return fail_code(failure, "EFORGE_ARCHIVE", entry->path, "unsupported entry type '%c' in archive: %s",
                     flag >= ' ' && flag < 127 ? flag : '?', entry->path);
  }
  entry->type = flag;
  return 0;
}

/** The old GNU form: extents in the header and in blocks that follow it. */
static int read_old_sparse(struct tar_reader *reader, const uint8_t *block, uint64_t *size, struct failure *failure) {
  uint8_t extension[TAR_BLOCK];
  int64_t real = 0;
  if (!field_number(block + 483, 12, &real) || real < 0) return malformed(failure, "bad size of a sparse file");
  *size = (uint64_t)real;
  if (sparse_from_fields(block + 386, 4, &reader->extents, failure) < 0) return -1;
  for (bool extended = block[482] != 0; extended; extended = extension[504] != 0) {
    int64_t got = take(reader, extension, TAR_BLOCK, failure);
    if (got < 0) return -1;
    if (got < TAR_BLOCK) return malformed(failure, "truncated sparse map");
    if (sparse_from_fields(extension, 21, &reader->extents, failure) < 0) return -1;
  }
  return 0;
}

/** Format 1.0: the map stands before the data and counts as data. */
static int read_data_sparse(struct tar_reader *reader, struct failure *failure) {
  struct sparse_text text = {0};
  uint8_t block[TAR_BLOCK];
  for (;;) {
    if (reader->data_left < TAR_BLOCK) return malformed(failure, "truncated sparse map");
    int64_t got = take(reader, block, TAR_BLOCK, failure);
    if (got < 0) return -1;
    if (got < TAR_BLOCK) return malformed(failure, "truncated sparse map");
    reader->data_left -= TAR_BLOCK;
    int status = sparse_from_text(&text, block, &reader->extents, failure);
    if (status <= 0) return status;
  }
}

static int set_pax_sparse(struct tar_reader *reader, struct tar_entry *entry, enum sparse_form form,
                          struct failure *failure) {
  const struct pax *pax = &reader->pax;
  if (pax->sparse_name != NULL && *pax->sparse_name != '\0') entry->path = pax->sparse_name;
  if (pax->has_sparse_size) {
    if (pax->sparse_size < 0) return malformed(failure, "negative size");
    entry->size = (uint64_t)pax->sparse_size;
  }
  if (form == SPARSE_IN_DATA) return read_data_sparse(reader, failure);
  return sparse_from_pax(pax, &reader->extents, failure);
}

/** Sizes and the places of the data. */
static int set_data(struct tar_reader *reader, const uint8_t *block, struct tar_entry *entry,
                    struct failure *failure) {
  int64_t size = 0;
  if (!field_number(block + 124, 12, &size)) return malformed(failure, "bad size");
  if (reader->pax.has_size) size = reader->pax.size;
  if (size < 0) return malformed(failure, "negative size");
  reader->extents.size = 0;
  reader->extent = 0;
  reader->extent_done = 0;
  /* Only files have data, whatever the size says (POSIX: a link's and a directory's may be set). */
  if (entry->type != TAR_FILE) size = 0;
  entry->size = reader->data_left = (uint64_t)size;
  reader->padding_left = tar_round((uint64_t)size) - (uint64_t)size;
  enum sparse_form form = sparse_form(&reader->pax);
  int status = 0;
  if (block[156] == 'S') {
    status = read_old_sparse(reader, block, &entry->size, failure);
  } else if (form != SPARSE_NONE && entry->type == TAR_FILE) {
    status = set_pax_sparse(reader, entry, form, failure);
  } else if (size > 0) {
    const struct tar_extent whole = {.offset = 0, .size = (uint64_t)size};
    status = buffer_add(&reader->extents, &whole, sizeof whole, failure);
  }
  if (status < 0) return -1;
  if (entry->size > INT64_MAX) return malformed(failure, "bad size");
  return sparse_check(&reader->extents, entry->size, reader->data_left, failure);
}

static int finish_entry(struct tar_reader *reader, const uint8_t *block, struct tar_entry *entry,
                        struct failure *failure) {
  *entry = (struct tar_entry){0};
  if (set_names(reader, block, entry, failure) < 0 || set_type(block, entry, failure) < 0) return -1;
  if (set_numbers(reader, block, entry, failure) < 0 || set_data(reader, block, entry, failure) < 0) return -1;
  entry->xattrs = (const void *)reader->pax.xattrs.data;
  entry->xattr_count = reader->pax.xattrs.size / sizeof *entry->xattrs;
  entry->extents = (const void *)reader->extents.data;
  entry->extent_count = reader->extents.size / sizeof *entry->extents;
  return 1;
}

/** Passes over what is left of the last entry; 0 when the input ends in its padding. */
static int skip_rest(struct tar_reader *reader, struct failure *failure) {
  int64_t got = take(reader, NULL, reader->data_left, failure);
  if (got < 0) return -1;
  if ((uint64_t)got < reader->data_left) return malformed(failure, "truncated file");
  reader->data_left = 0;
  got = take(reader, NULL, reader->padding_left, failure);
  if (got < 0) return -1;
  bool whole = (uint64_t)got == reader->padding_left;
  reader->padding_left = 0;
  return whole;
}

/** Handles a meta entry: 1 when `block` was one, 0 when it is an entry itself. */
static int read_extension(struct tar_reader *reader, const uint8_t *block, struct failure *failure) {
  int64_t size = 0;
  uint8_t flag = block[156];
  if (flag != 'x' && flag != 'g' && flag != 'L' && flag != 'K') return 0;
  if (!field_number(block + 124, 12, &size) || size < 0) return malformed(failure, "bad size");
  if (flag == 'L') return read_long(reader, (uint64_t)size, &reader->long_name, failure) < 0 ? -1 : 1;
  if (flag == 'K') return read_long(reader, (uint64_t)size, &reader->long_link, failure) < 0 ? -1 : 1;
  pax_reset(&reader->pax);
  if (read_meta(reader, (uint64_t)size, &reader->pax_data, failure) < 0) return -1;
  if (pax_parse(&reader->pax, &reader->pax_data, failure) < 0) return -1;
  /* A global header is checked, then forgotten, and with it what stood before it. */
  if (flag == 'g') {
    pax_reset(&reader->pax);
    reader->long_name.size = reader->long_link.size = 0;
  }
  return 1;
}

int tar_next(struct tar_reader *reader, struct tar_entry *entry, struct failure *failure) {
  uint8_t block[TAR_BLOCK];
  if (reader->ended) return 0;
  int status = skip_rest(reader, failure);
  pax_reset(&reader->pax);
  reader->long_name.size = reader->long_link.size = 0;
  while (status > 0) {
    status = read_header(reader, block, failure);
    if (status <= 0) break;
    status = read_extension(reader, block, failure);
    if (status < 0) break;
    if (status == 0) return finish_entry(reader, block, entry, failure);
  }
  reader->ended = status == 0;
  return status;
}

int tar_data(struct tar_reader *reader, const uint8_t **data, size_t *size, uint64_t *offset,
             struct failure *failure) {
  const struct tar_extent *extents = (const void *)reader->extents.data;
  size_t count = reader->extents.size / sizeof *extents;
  while (reader->extent < count && reader->extent_done == extents[reader->extent].size) {
    reader->extent++;
    reader->extent_done = 0;
  }
  if (reader->extent == count) return 0;
  int status = more(reader, failure);
  if (status <= 0) return status < 0 ? -1 : malformed(failure, "truncated file");
  uint64_t left = extents[reader->extent].size - reader->extent_done;
  *data = reader->piece;
  *size = left < reader->piece_size ? (size_t)left : reader->piece_size;
  *offset = extents[reader->extent].offset + reader->extent_done;
  reader->piece += *size;
  reader->piece_size -= *size;
  reader->extent_done += *size;
  reader->data_left -= *size;
  return 1;
}
