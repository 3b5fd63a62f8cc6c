#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "erase.h"
#include "extract.h"

/** The lower's entries of a directory go, what this layer made in it stays. */
static int make_opaque(struct extract *extract, const struct place *place, struct failure *failure) {
  autobuffer struct buffer path = {0};
  autofd int fd = open_beneath(place->fd, ".", O_RDONLY | O_DIRECTORY, 0, BENEATH_NO_SYMLINKS);
  if (fd < 0) return fail_errno(failure, errno, "openat2", place->path);
  if (buffer_add(&path, place->path, strlen(place->path), failure) < 0) return -1;
  if (buffer_text(&path, failure) == NULL) return -1;
  return erase_lower_contents(fd, &extract->seen, &path, failure);
}

static int hide(struct extract *extract, const struct place *place, const char *name, struct failure *failure) {
  autobuffer struct buffer path = {0};
  if (buffer_add(&path, place->path, strlen(place->path), failure) < 0) return -1;
  if (path.size > 0 && buffer_add(&path, "/", 1, failure) < 0) return -1;
  if (buffer_add(&path, name, strlen(name), failure) < 0 || buffer_text(&path, failure) == NULL) return -1;
  return erase_lower(place->fd, name, &extract->seen, &path, failure);
}

int apply_whiteout(struct extract *extract, const char *directory, const char *name, struct failure *failure) {
  const struct place *place;
  const char *hidden = name + strlen(".wh.");
  /* These would name the directory itself or its parent. */
  if (*hidden == '\0' || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0) {
    return fail_code(failure, "EFORGE_ARCHIVE", directory, "invalid whiteout name: %s", name);
  }
  /* Nothing is made for a whiteout: where there is no directory, nothing is to be hidden. */
  int found = place_find(&extract->places, directory, false, &place, failure);
  if (found <= 0) return found;
  int status = strcmp(name, ".wh..wh..opq") == 0 ? make_opaque(extract, place, failure)
                                                 : hide(extract, place, hidden, failure);
  extract->stale = true;
  return status;
}
