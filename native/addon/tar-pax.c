#include "tar-pax.h"

#include "tar-field.h"

static int malformed(struct failure *failure, const char *what) {
  return fail_code(failure, "EFORGE_ARCHIVE", NULL, "malformed archive: bad PAX %s", what);
}

void pax_reset(struct pax *pax) {
  struct buffer xattrs = pax->xattrs, pairs = pax->sparse_pairs;
  xattrs.size = pairs.size = 0;
  *pax = (struct pax){.xattrs = xattrs, .sparse_pairs = pairs};
}

void pax_free(struct pax *pax) {
  buffer_free(&pax->xattrs);
  buffer_free(&pax->sparse_pairs);
}

/** Seconds with an optional fraction, of which nine digits count. */
static bool parse_time(const char *text, const char *end, struct pax *pax) {
  const char *point = memchr(text, '.', (size_t)(end - text));
  uint32_t nanoseconds = 0, unit = 100000000;
  if (!decimal(text, point == NULL ? end : point, &pax->mtime_seconds)) return false;
  for (const char *digit = point == NULL ? end : point + 1; digit < end; digit++, unit /= 10) {
    if (*digit < '0' || *digit > '9') return false;
    nanoseconds += (uint32_t)(*digit - '0') * unit;
  }
  if (*text == '-' && nanoseconds > 0) {
    if (pax->mtime_seconds == INT64_MIN) return false;
    pax->mtime_seconds--;
    nanoseconds = 1000000000 - nanoseconds;
  }
  pax->mtime_nanoseconds = nanoseconds;
  pax->has_mtime = true;
  return true;
}

/** GNU.sparse.offset and GNU.sparse.numbytes come in turns. */
static int add_sparse(struct pax *pax, bool is_size, const char *value, const char *end, struct failure *failure) {
  int64_t number = 0;
  if (!decimal(value, end, &number) || number < 0 || is_size != pax->sparse_open) {
    return malformed(failure, "sparse map");
  }
  pax->sparse_open = !is_size;
  if (is_size) {
    struct tar_extent *last = (void *)(pax->sparse_pairs.data + pax->sparse_pairs.size);
    last[-1].size = (uint64_t)number;
    return 0;
  }
  struct tar_extent extent = {.offset = (uint64_t)number};
  return buffer_add(&pax->sparse_pairs, &extent, sizeof extent, failure);
}

static int sparse_record(struct pax *pax, const char *key, const char *value, const char *end,
                         struct failure *failure) {
  if (strcmp(key, "offset") == 0) return add_sparse(pax, false, value, end, failure);
  if (strcmp(key, "numbytes") == 0) return add_sparse(pax, true, value, end, failure);
  if (strcmp(key, "major") == 0) pax->sparse_major = value;
  if (strcmp(key, "minor") == 0) pax->sparse_minor = value;
  if (strcmp(key, "name") == 0) pax->sparse_name = value;
  if (strcmp(key, "map") == 0) pax->sparse_map = value;
  if (strcmp(key, "size") == 0 || (strcmp(key, "realsize") == 0 && !pax->has_sparse_size)) {
    if (!decimal(value, end, &pax->sparse_size)) return malformed(failure, "sparse size");
    pax->has_sparse_size = true;
  }
  return 0;
}

static int number_record(bool *has, int64_t *number, const char *value, const char *end, const char *key,
                         struct failure *failure) {
  if (value == end) return 0;
  if (!decimal(value, end, number)) return malformed(failure, key);
  *has = true;
  return 0;
}

/** One record; `value` is followed by a NUL. */
static int record(struct pax *pax, const char *key, const char *value, const char *end, struct failure *failure) {
  if (strcmp(key, "path") == 0 || strcmp(key, "linkpath") == 0) {
    if (strlen(value) != (size_t)(end - value)) return malformed(failure, "name with NUL");
    *(*key == 'p' ? &pax->path : &pax->link) = value == end ? NULL : value;
    return 0;
  }
  if (strcmp(key, "size") == 0) return number_record(&pax->has_size, &pax->size, value, end, key, failure);
  if (strcmp(key, "uid") == 0) return number_record(&pax->has_uid, &pax->uid, value, end, key, failure);
  if (strcmp(key, "gid") == 0) return number_record(&pax->has_gid, &pax->gid, value, end, key, failure);
  if (strcmp(key, "mtime") == 0 && value != end) {
    return parse_time(value, end, pax) ? 0 : malformed(failure, "mtime");
  }
  if (strncmp(key, "SCHILY.xattr.", 13) == 0 && key[13] != '\0') {
    struct tar_xattr xattr = {.name = key + 13, .value = (const uint8_t *)value, .size = (size_t)(end - value)};
    return buffer_add(&pax->xattrs, &xattr, sizeof xattr, failure);
  }
  if (strncmp(key, "GNU.sparse.", 11) == 0) return sparse_record(pax, key + 11, value, end, failure);
  return 0;
}

int pax_parse(struct pax *pax, struct buffer *data, struct failure *failure) {
  char *at = (char *)data->data, *stop = at + data->size;
  while (at < stop) {
    int64_t length = 0;
    char *space = memchr(at, ' ', (size_t)(stop - at));
    if (space == NULL || !decimal(at, space, &length) || length < 5 || length > stop - at) {
      return malformed(failure, "record length");
    }
    char *end = at + length - 1, *key = space + 1;
    char *equals = key < end ? memchr(key, '=', (size_t)(end - key)) : NULL;
    if (*end != '\n' || equals == NULL || equals == key || memchr(key, '\0', (size_t)(equals - key)) != NULL) {
      return malformed(failure, "record");
    }
    *equals = *end = '\0';
    if (record(pax, key, equals + 1, end, failure) < 0) return -1;
    at += length;
  }
  return pax->sparse_open ? malformed(failure, "sparse map") : 0;
}
