#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "cleanup.h"
#include "verbs.h"

/* mount(2) copies one page of options and cuts the rest without a word. */
#define MAX_OPTIONS 4096

static napi_value finish(napi_env env, int status, const struct failure *failure) {
  return status < 0 ? throw_failure(env, failure) : NULL;
}

static int do_mount(struct reader *reader) {
  autofree char *source = NULL, *target = NULL, *type = NULL, *data = NULL;
  int64_t flags = 0;
  if (read_string(reader, reader->arguments[0], "source", &source) < 0 ||
      read_string(reader, reader->arguments[1], "target", &target) < 0 ||
      read_string(reader, reader->arguments[2], "fstype", &type) < 0 ||
      read_int64(reader, reader->arguments[3], "flags", &flags) < 0 ||
      read_string(reader, reader->arguments[4], "data", &data) < 0) {
    return -1;
  }
  if (strlen(data) >= MAX_OPTIONS) return fail_errno(reader->failure, E2BIG, "mount", target);
  if (mount(source, target, type, (unsigned long)flags, data) == 0) return 0;
  return fail_errno(reader->failure, errno, "mount", target);
}

/** mount(source, target, fstype, flags, data): mount(2). */
napi_value mount_verb(napi_env env, napi_callback_info info) {
  struct failure failure;
  struct reader reader = {.env = env, .failure = &failure};
  read_arguments(&reader, info);
  return finish(env, do_mount(&reader), &failure);
}

static int do_unmount(struct reader *reader) {
  autofree char *target = NULL;
  int64_t flags = 0;
  if (read_string(reader, reader->arguments[0], "target", &target) < 0) return -1;
  if (read_int64(reader, reader->arguments[1], "flags", &flags) < 0) return -1;
  if (umount2(target, (int)flags) == 0) return 0;
  return fail_errno(reader->failure, errno, "umount2", target);
}

/** unmount(target, flags): umount2(2). */
napi_value unmount_verb(napi_env env, napi_callback_info info) {
  struct failure failure;
  struct reader reader = {.env = env, .failure = &failure};
  read_arguments(&reader, info);
  return finish(env, do_unmount(&reader), &failure);
}

struct overlay {
  char *base;
  struct strings lowers;
  char *upper;
  char *work;
  char *target;
  bool user_xattr;
  struct failure *failure;
  int status;
};

/* Names go into a list that colons, commas and backslashes would break. */
static int check_name(struct overlay *overlay, const char *name) {
  if (*name != '\0' && strpbrk(name, ":,\\") == NULL) return 0;
  return fail_code(overlay->failure, "EINVAL", name, "%.300s cannot be the name of an overlay layer", name);
}

struct options {
  char text[MAX_OPTIONS];
  size_t size;
};

static void append(struct options *options, const char *separator, const char *text) {
  int size = snprintf(options->text + options->size, sizeof options->text - options->size, "%s%s", separator, text);
  options->size += (size_t)size;
  if (options->size >= sizeof options->text) options->size = sizeof options->text - 1;
}

/* The options for a kernel that knows `uuid=null` (6.6 and later), or for an older one. */
static int make_options(struct overlay *overlay, bool knows_uuid, struct options *options) {
  options->size = 0;
  append(options, "", overlay->user_xattr ? "userxattr," : "");
  append(options, "redirect_dir=off,metacopy=off,index=off,xino=off", knows_uuid ? ",uuid=null" : "");
  for (size_t i = 0; i < overlay->lowers.count; i++) {
    if (check_name(overlay, overlay->lowers.items[i]) < 0) return -1;
    append(options, i == 0 ? ",lowerdir=" : ":", overlay->lowers.items[i]);
  }
  if (overlay->upper != NULL) {
    if (check_name(overlay, overlay->upper) < 0 || check_name(overlay, overlay->work) < 0) return -1;
    append(options, ",volatile,upperdir=", overlay->upper);
    append(options, ",workdir=", overlay->work);
  }
  if (options->size < sizeof options->text - 1) return 0;
  return fail_code(overlay->failure, "E2BIG", overlay->target, "too many layers for one overlay mount: %zu",
                   overlay->lowers.count);
}

static int mount_layers(struct overlay *overlay) {
  struct options options;
  if (make_options(overlay, true, &options) < 0) return -1;
  if (mount("overlay", overlay->target, "overlay", 0, options.text) == 0) return 0;
  if (errno == EINVAL && make_options(overlay, false, &options) == 0) {
    if (mount("overlay", overlay->target, "overlay", 0, options.text) == 0) return 0;
  }
  return fail_errno(overlay->failure, errno, "mount", overlay->target);
}

/* One layer to read from needs no overlay, which would refuse it: a read-only bind mount. */
static int mount_single(struct overlay *overlay) {
  const unsigned long flags = MS_BIND | MS_RDONLY;
  if (mount(overlay->lowers.items[0], overlay->target, NULL, MS_BIND, NULL) < 0) {
    return fail_errno(overlay->failure, errno, "mount", overlay->target);
  }
  if (mount(NULL, overlay->target, NULL, flags | MS_REMOUNT, NULL) == 0) return 0;
  fail_errno(overlay->failure, errno, "mount", overlay->target);
  umount2(overlay->target, MNT_DETACH);
  return -1;
}

/* On a thread whose working directory is its own, so that no other thread's paths change. */
static void *overlay_thread(void *argument) {
  struct overlay *overlay = argument;
  overlay->status = -1;
  if (unshare(CLONE_FS) < 0) fail_errno(overlay->failure, errno, "unshare", NULL);
  else if (chdir(overlay->base) < 0) fail_errno(overlay->failure, errno, "chdir", overlay->base);
  else if (overlay->upper == NULL && overlay->lowers.count == 1) overlay->status = mount_single(overlay);
  else overlay->status = mount_layers(overlay);
  return NULL;
}

static int run_overlay(struct overlay *overlay) {
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int err = pthread_create(&thread, NULL, overlay_thread, overlay);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (err != 0) return fail_errno(overlay->failure, err, "pthread_create", NULL);
  pthread_join(thread, NULL);
  return overlay->status;
}

static int read_overlay(struct reader *reader, struct overlay *overlay) {
  napi_value options = reader->arguments[0];
  if (get_string(reader, options, "base", &overlay->base) < 0 ||
      get_strings(reader, options, "lowers", &overlay->lowers) < 0 ||
      get_optional_string(reader, options, "upper", &overlay->upper) < 0 ||
      get_optional_string(reader, options, "work", &overlay->work) < 0 ||
      get_string(reader, options, "target", &overlay->target) < 0 ||
      get_bool(reader, options, "userXattr", &overlay->user_xattr) < 0) {
    return -1;
  }
  if (overlay->lowers.count == 0 || (overlay->upper == NULL) != (overlay->work == NULL) ||
      *overlay->target != '/') {
    return fail_code(reader->failure, "ERR_INVALID_ARG_VALUE", NULL,
                     "an overlay needs lowers, an absolute target, and upper and work together");
  }
  return 0;
}

/** mountOverlay(options): an overlay whose layers are named relative to a directory. */
napi_value mount_overlay_verb(napi_env env, napi_callback_info info) {
  struct failure failure;
  struct reader reader = {.env = env, .failure = &failure};
  struct overlay overlay = {.failure = &failure};
  read_arguments(&reader, info);
  int status = read_overlay(&reader, &overlay);
  if (status == 0) status = run_overlay(&overlay);
  free(overlay.base);
  free(overlay.upper);
  free(overlay.work);
  free(overlay.target);
  strings_free(&overlay.lowers);
  return finish(env, status, &failure);
}
