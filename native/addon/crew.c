#include "crew.h"

#include <pthread.h>
#include <stdbool.h>

struct member {
  void (*work)(void *argument, unsigned index);
  void *argument;
  unsigned index;
  pthread_t thread;
};

static void *member_thread(void *data) {
  struct member *member = data;
  member->work(member->argument, member->index);
  return NULL;
}

void crew_run(unsigned threads, void (*work)(void *argument, unsigned index), void *argument) {
  struct member members[CREW_MAX];
  unsigned started = 1;
  if (threads > CREW_MAX) threads = CREW_MAX;
  while (started < threads) {
    struct member *member = &members[started];
    *member = (struct member){.work = work, .argument = argument, .index = started};
    if (pthread_create(&member->thread, NULL, member_thread, member) != 0) break;
    started++;
  }
  work(argument, 0);
  for (unsigned i = 1; i < started; i++) pthread_join(members[i].thread, NULL);
}
