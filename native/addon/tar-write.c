#include "tar-write.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/** The fields of a ustar header. */
struct ustar {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
  char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], unused[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a tar header is one block");

static bool is_ascii(const char *text) {
  for (; *text != '\0'; text++) {
    if ((unsigned char)*text >= 0x80) return false;
  }
  return true;
}

/** Names that are longer than the field or not ASCII go into a PAX record. */
static bool name_fits(const char *name) { return strlen(name) <= 100 && is_ascii(name); }

/** The largest number that an octal field of `digits` digits holds. */
static uint64_t octal_max(int digits) { return (1ULL << (3 * digits)) - 1; }

static void octal(char *field, int digits, uint64_t value) {
  for (int i = digits - 1; i >= 0; i--, value >>= 3) field[i] = (char)('0' + (value & 7));
}

/** The field for readers that do not know PAX: cut, other bytes as underscores. */
static void short_name(char field[100], const char *name) {
  for (size_t i = 0; i < 100 && name[i] != '\0'; i++) {
    field[i] = (unsigned char)name[i] < 0x80 ? name[i] : '_';
  }
}

static void finish(struct ustar *header) {
  memcpy(header->magic, "ustar", 6);
  memcpy(header->version, "00", 2);
  memset(header->checksum, ' ', sizeof header->checksum);
  unsigned sum = 0;
  for (size_t i = 0; i < sizeof *header; i++) sum += ((const unsigned char *)header)[i];
  octal(header->checksum, 6, sum);
  header->checksum[6] = '\0';
}

size_t pax_record(uint8_t *to, const char *key, const void *value, size_t value_size) {
  size_t body = strlen(key) + value_size + 3, total = body + 1;
  char length[24];
  /* The length counts its own digits. */
  for (;;) {
    size_t digits = (size_t)snprintf(length, sizeof length, "%zu", total);
    if (digits + body == total) break;
    total = digits + body;
  }
  if (to == NULL) return total;
  int head = sprintf((char *)to, "%s %s=", length, key);
  if (value_size > 0) memcpy(to + head, value, value_size);
  to[total - 1] = '\n';
  return total;
}

static size_t text_record(uint8_t *to, const char *key, const char *value) {
  return pax_record(to, key, value, strlen(value));
}

static size_t number_record(uint8_t *to, const char *key, int64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%lld", (long long)value);
  return text_record(to, key, text);
}

/** A time in decimal with as many places as it has. */
static size_t time_record(uint8_t *to, const char *key, int64_t seconds, uint32_t nanoseconds) {
  char text[40];
  bool below_zero = seconds < 0 && nanoseconds > 0;
  long long whole = below_zero ? -(long long)(seconds + 1) : (long long)seconds;
  unsigned parts = below_zero ? 1000000000u - nanoseconds : nanoseconds;
  int size = snprintf(text, sizeof text, "%s%lld.%09u", below_zero ? "-" : "", whole, parts);
  while (text[size - 1] == '0') size--;
  if (text[size - 1] == '.') size--;
  return pax_record(to, key, text, (size_t)size);
}

/** All PAX records of a member, keys in order; counts only when `to` is NULL. */
static size_t write_records(const struct tar_member *member, uint8_t *to) {
  size_t size = member->records_size;
  if (to != NULL && size > 0) memcpy(to, member->records, size);
#define AT (to == NULL ? NULL : to + size)
  if (member->gid > octal_max(7)) size += number_record(AT, "gid", member->gid);
  if (member->link != NULL && !name_fits(member->link)) size += text_record(AT, "linkpath", member->link);
  if (member->mtime_nanoseconds > 0 || member->mtime_seconds < 0 ||
      (uint64_t)member->mtime_seconds > octal_max(11)) {
    size += time_record(AT, "mtime", member->mtime_seconds, member->mtime_nanoseconds);
  }
  if (!name_fits(member->path)) size += text_record(AT, "path", member->path);
  if (member->size > octal_max(11)) size += number_record(AT, "size", (int64_t)member->size);
  if (member->uid > octal_max(7)) size += number_record(AT, "uid", member->uid);
#undef AT
  return size;
}

size_t tar_header_size(const struct tar_member *member) {
  size_t records = write_records(member, NULL);
  return TAR_BLOCK + (records == 0 ? 0 : TAR_BLOCK + (size_t)tar_round(records));
}

static uint8_t *write_pax(const struct tar_member *member, uint8_t *to, size_t records) {
  struct ustar *header = (struct ustar *)to;
  memset(to, 0, TAR_BLOCK + (size_t)tar_round(records));
  memcpy(header->name, "PaxHeaders/entry", 16);
  octal(header->mode, 7, 0644);
  octal(header->uid, 7, 0);
  octal(header->gid, 7, 0);
  octal(header->size, 11, records);
  octal(header->mtime, 11, 0);
  header->type = 'x';
  finish(header);
  write_records(member, to + TAR_BLOCK);
  return to + TAR_BLOCK + tar_round(records);
}

/** What does not fit is 0 in the field and stands in the PAX header. */
static uint64_t fitting(uint64_t value, int digits) { return value > octal_max(digits) ? 0 : value; }

void tar_header_write(const struct tar_member *member, uint8_t *to) {
  size_t records = write_records(member, NULL);
  if (records > 0) to = write_pax(member, to, records);
  struct ustar *header = (struct ustar *)to;
  memset(header, 0, sizeof *header);
  short_name(header->name, member->path);
  if (member->link != NULL) short_name(header->link, member->link);
  octal(header->mode, 7, member->mode & 07777);
  octal(header->uid, 7, fitting(member->uid, 7));
  octal(header->gid, 7, fitting(member->gid, 7));
  octal(header->size, 11, fitting(member->size, 11));
  octal(header->mtime, 11, member->mtime_seconds < 0 ? 0 : fitting((uint64_t)member->mtime_seconds, 11));
  header->type = member->type;
  octal(header->major, 7, fitting(member->major, 7));
  octal(header->minor, 7, fitting(member->minor, 7));
  finish(header);
}
