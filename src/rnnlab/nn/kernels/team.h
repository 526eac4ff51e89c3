/* Threads: shares of a job, each done once by whichever thread comes first. */

#ifndef RNNLAB_TEAM_H
#define RNNLAB_TEAM_H

#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

/* GOMP_parallel of the OpenMP library that torch uses, or null: its threads are then awake already,
 * and do not spin on the cores that threads of our own would need. */
typedef void (*TEAM)(void (*function)(void *), void *data, unsigned threads, unsigned flags);

/* Numbers below the smallest normal one make x86 some ten times slower, and gradients over hundreds of
 * steps and moments of rare rows fade into them. What is shared out takes them for zero. For operators
 * of others that run on the same team, rnnlab_flush does so until the mode that it returns is set
 * again. */
EXPORTED int64_t rnnlab_flush(TEAM team, int64_t threads);
EXPORTED void rnnlab_set_mode(TEAM team, int64_t threads, int64_t mode);

/* Call work(data, share) for every share below `shares`, on up to `threads` threads with the
 * caller's. Which thread does what must not change a result. */
void rnnlab_share_out(TEAM team, int64_t threads, int64_t shares, void (*work)(void *, int64_t),
                      void *data);

#endif
