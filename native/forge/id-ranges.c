#include "id-ranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The user's name by /etc/passwd, read here: a static program must not load NSS modules. */
static void user_name(uid_t uid, char *name, size_t size) {
  char line[1024];
  FILE *file = fopen("/etc/passwd", "re");
  name[0] = 0;
  while (file && fgets(line, sizeof line, file)) {
    char *rest = line, *found = strsep(&rest, ":");
    strsep(&rest, ":");
    char *id = strsep(&rest, ":");
    if (!id || strtoul(id, NULL, 10) != uid) continue;
    snprintf(name, size, "%s", found);
    break;
  }
  if (file) fclose(file);
  const char *user = getenv("USER");
  if (!name[0] && user) snprintf(name, size, "%s", user);
}

int read_id_ranges(const char *path, uid_t uid, struct id_range ranges[MAX_RANGES]) {
  char name[256], number[16], line[512];
  int count = 0;
  user_name(uid, name, sizeof name);
  snprintf(number, sizeof number, "%u", uid);
  FILE *file = fopen(path, "re");
  while (file && count < MAX_RANGES && fgets(line, sizeof line, file)) {
    char *rest = line, *owner = strsep(&rest, ":"), *first = strsep(&rest, ":"), *size = strsep(&rest, ":\n");
    if (!first || !size || (strcmp(owner, number) != 0 && (!name[0] || strcmp(owner, name) != 0))) continue;
    struct id_range range = {strtoul(first, NULL, 10), strtoul(size, NULL, 10)};
    if (range.count > 0) ranges[count++] = range;
  }
  if (file) fclose(file);
  return count;
}
