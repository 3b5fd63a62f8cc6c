#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "inflate.h"
#include "squeeze.h"

/** Members that name their size are taken whole up to these: ours hold 1 MiB. */
#define WHOLE_INPUT (1024 * 1024 + 4096)

/** Bytes before the unread input that stay: the decoder gives back what it took too early. */
#define HEADROOM 8

struct gunzip {
  struct ring *input, *output;
  uint8_t *window;
  size_t window_size;
  bool at_end;
  /** The slot being written, where its data starts, and how far back matches may reach. */
  uint8_t *start, *out;
  const uint8_t *history;
  /** What of the output is not in the member's checksum yet. */
  const uint8_t *unchecked;
  uint32_t crc, size;
  /** Bytes of the current member behind its header, when that says so (see squeeze.h); else 0. */
  uint32_t member_rest;
  struct libdeflate_decompressor *whole;
  struct inflate inflate;
};

static int corrupt(struct failure *failure, const char *what) {
  return fail_code(failure, "EFORGE_COMPRESSION", NULL, "malformed gzip data: %s", what);
}

/** Moves what is unread to the window's start and appends the next block. */
static int more_input(struct gunzip *z, struct failure *failure) {
  struct inflate_bits *source = &z->inflate.source;
  const uint8_t *data;
  size_t size, unread = (size_t)(source->in_end - source->in);
  int status = ring_next(z->input, 0, &data, &size);
  if (status < 0) return -1;
  if (status == 0) {
    z->at_end = true;
    return 0;
  }
  if (HEADROOM + unread + size + INFLATE_PADDING > z->window_size) return corrupt(failure, "window");
  memmove(z->window, source->in - HEADROOM, HEADROOM + unread);
  memcpy(z->window + HEADROOM + unread, data, size);
  source->in = z->window + HEADROOM;
  source->in_end = source->in + unread + size;
  memset(z->window + HEADROOM + unread + size, 0, INFLATE_PADDING);
  return 0;
}

/** The next byte between members: 0 to 255, -2 at the end of the input, -1 on failure. */
static int next_byte(struct gunzip *z, struct failure *failure) {
  struct inflate_bits *source = &z->inflate.source;
  while (source->in == source->in_end) {
    if (z->at_end) return -2;
    if (more_input(z, failure) < 0) return -1;
  }
  return *source->in++;
}

/** `count` bytes, little-endian. */
static int64_t next_number(struct gunzip *z, int count, struct failure *failure) {
  uint64_t value = 0;
  for (int i = 0; i < count; i++) {
    int byte = next_byte(z, failure);
    if (byte == -2) return corrupt(failure, "truncated");
    if (byte < 0) return -1;
    value |= (uint64_t)byte << (8 * i);
  }
  return (int64_t)value;
}

static int skip_bytes(struct gunzip *z, int64_t count, struct failure *failure) {
  for (; count > 0; count--) {
    if (next_number(z, 1, failure) < 0) return -1;
  }
  return 0;
}

static int skip_text(struct gunzip *z, struct failure *failure) {
  int64_t byte;
  do byte = next_number(z, 1, failure);
  while (byte > 0);
  return byte < 0 ? -1 : 0;
}

/** The extra field: subfields of two letters, a length and data. Only ours says something to us. */
static int read_extra(struct gunzip *z, struct failure *failure) {
  int64_t left = next_number(z, 2, failure), total = 0;
  if (left < 0) return -1;
  /* Ours is the only subfield, and nothing else comes before the deflate stream. */
  if (left != 8) return skip_bytes(z, left, failure);
  int64_t id = next_number(z, 4, failure);
  if (id >= 0) total = next_number(z, 4, failure);
  if (id < 0 || total < 0) return -1;
  bool ours = id == ('F' | 'G' << 8 | 4 << 16) && total > GZIP_HEADER_SIZE + GZIP_TRAILER_SIZE;
  if (ours && total <= WHOLE_INPUT) z->member_rest = (uint32_t)total - GZIP_HEADER_SIZE;
  return 0;
}

/** RFC 1952 2.3; 1 when there is a member, 0 at the end of the input. */
static int read_member_header(struct gunzip *z, struct failure *failure) {
  int first = next_byte(z, failure);
  if (first == -2) return 0;
  if (first < 0) return -1;
  int64_t rest = next_number(z, 2, failure);
  if (rest < 0) return -1;
  if (first != 0x1f || (rest & 0xff) != 0x8b) return corrupt(failure, "something else follows it");
  if (rest >> 8 != 8) return corrupt(failure, "unknown method");
  int64_t flags = next_number(z, 1, failure);
  if (flags < 0) return -1;
  if (flags & 0xe0) return corrupt(failure, "unknown flags");
  if (skip_bytes(z, 6, failure) < 0) return -1;
  z->member_rest = 0;
  if (flags & 4 && read_extra(z, failure) < 0) return -1;
  if (flags & ~4) z->member_rest = 0;
  if (flags & 8 && skip_text(z, failure) < 0) return -1;
  if (flags & 16 && skip_text(z, failure) < 0) return -1;
  return flags & 2 && skip_bytes(z, 2, failure) < 0 ? -1 : 1;
}

static void add_to_checksum(struct gunzip *z) {
  size_t size = (size_t)(z->out - z->unchecked);
  z->crc = libdeflate_crc32(z->crc, z->unchecked, size);
  z->size += (uint32_t)size;
  z->unchecked = z->out;
}

/** Hands the slot on and takes the next one, with the history that matches may need in front. */
static int next_slot(struct gunzip *z) {
  add_to_checksum(z);
  size_t kept = (size_t)(z->out - z->history);
  if (kept > DECODE_HISTORY) kept = DECODE_HISTORY;
  const uint8_t *end = z->out;
  uint8_t *slot = ring_reserve(z->output);
  if (slot == NULL) return -1;
  uint8_t *start = slot + DECODE_HISTORY;
  memcpy(start - kept, end - kept, kept);
  z->start = z->out = start;
  z->history = start - kept;
  z->unchecked = start;
  return 0;
}

/** The deflate stream of one member. */
static int inflate_member(struct gunzip *z, struct failure *failure) {
  inflate_start(&z->inflate);
  z->history = z->unchecked = z->out;
  z->crc = z->size = 0;
  for (;;) {
    switch (inflate_run(&z->inflate, z->at_end, z->history, &z->out, z->start + DECODE_DATA)) {
      case INFLATE_DONE:
        z->inflate.source.in = inflate_rest(&z->inflate);
        add_to_checksum(z);
        return 0;
      case INFLATE_NEEDS_INPUT:
        if (more_input(z, failure) < 0) return -1;
        break;
      case INFLATE_NEEDS_OUTPUT:
        ring_publish(z->output, z->start, (size_t)(z->out - z->start));
        if (next_slot(z) < 0) return -1;
        break;
      default: return corrupt(failure, z->at_end ? "truncated or damaged" : "damaged");
    }
  }
}

/** Hands on a slot in which less than `room` bytes are left. */
static int make_room(struct gunzip *z, size_t room) {
  if (room <= (size_t)(z->start + DECODE_DATA - z->out)) return 0;
  ring_publish(z->output, z->start, (size_t)(z->out - z->start));
  return next_slot(z);
}

/**
 * Decompresses a member that named its size in one go: 1, or 0 when what it said is not so and it
 * has to be read as any other. Leaves the input in front of the trailer.
 */
static int take_whole(struct gunzip *z, struct failure *failure) {
  struct inflate_bits *source = &z->inflate.source;
  uint32_t rest = z->member_rest, size = 0;
  size_t used = 0, made = 0;
  while ((size_t)(source->in_end - source->in) < rest) {
    if (z->at_end) return 0;
    if (more_input(z, failure) < 0) return -1;
  }
  for (int i = 0; i < 4; i++) size |= (uint32_t)source->in[rest - 4 + (uint32_t)i] << (8 * i);
  if (size > DECODE_DATA) return 0;
  z->history = z->unchecked = z->out;
  if (make_room(z, size) < 0) return -1;
  z->history = z->unchecked = z->out;
  enum libdeflate_result result = libdeflate_deflate_decompress_ex(
      z->whole, source->in, rest - GZIP_TRAILER_SIZE, z->out, size, &used, &made);
  if (result != LIBDEFLATE_SUCCESS || used != rest - GZIP_TRAILER_SIZE || made != size) return 0;
  source->in += used;
  z->out += made;
  z->crc = z->size = 0;
  add_to_checksum(z);
  return 1;
}

static int read_member(struct gunzip *z, struct failure *failure) {
  int status = read_member_header(z, failure);
  if (status <= 0) return status;
  int whole = z->member_rest > 0 ? take_whole(z, failure) : 0;
  if (whole < 0 || (whole == 0 && inflate_member(z, failure) < 0)) return -1;
  int64_t crc = next_number(z, 4, failure);
  int64_t size = crc < 0 ? -1 : next_number(z, 4, failure);
  if (crc < 0 || size < 0) return -1;
  if ((uint32_t)crc != z->crc) return corrupt(failure, "wrong checksum");
  return (uint32_t)size == z->size ? 1 : corrupt(failure, "wrong size");
}

int decode_gzip(struct ring *input, struct ring *output, struct failure *failure) {
  struct gunzip *z = calloc(1, sizeof *z);
  if (z == NULL) return fail_memory(failure);
  int status = -1;
  z->input = input;
  z->output = output;
  z->window_size = HEADROOM + WHOLE_INPUT + input->slot_size + INFLATE_PADDING;
  z->window = calloc(1, z->window_size);
  z->whole = libdeflate_alloc_decompressor();
  bool ready = z->window != NULL && z->whole != NULL;
  uint8_t *slot = ready ? ring_reserve(output) : NULL;
  if (!ready) fail_memory(failure);
  if (slot != NULL) {
    z->inflate.source.in = z->inflate.source.in_end = z->window + HEADROOM;
    z->start = z->out = slot + DECODE_HISTORY;
    do status = read_member(z, failure);
    while (status == 1);
    if (status == 0) ring_publish(output, z->start, (size_t)(z->out - z->start));
  }
  if (z->whole != NULL) libdeflate_free_decompressor(z->whole);
  free(z->window);
  free(z);
  return status;
}
