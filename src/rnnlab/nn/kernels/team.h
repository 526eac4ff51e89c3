/* Threads: shares of a job, each done once by whichever thread comes first. */

#ifndef RNNLAB_TEAM_H
#define RNNLAB_TEAM_H

#include <stdint.h>

/* GOMP_parallel of the OpenMP library that torch uses, or null: its threads are then awake already,
 * and do not spin on the cores that threads of our own would need. */
typedef void (*TEAM)(void (*function)(void *), void *data, unsigned threads, unsigned flags);

/* Call work(data, share) for every share below `shares`, on up to `threads` threads with the
 * caller's. Which thread does what must not change a result. */
void rnnlab_share_out(TEAM team, int64_t threads, int64_t shares, void (*work)(void *, int64_t),
                      void *data);

#endif
