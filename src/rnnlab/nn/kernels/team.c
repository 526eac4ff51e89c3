#include "team.h"

#include <pthread.h>

enum { MOST_THREADS = 256 };

typedef struct {
    void (*work)(void *, int64_t);
    void *data;
    int64_t shares, next;
} JOB;

static void take_shares(void *argument) {
    JOB *job = argument;
    int64_t share;
    while ((share = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED)) < job->shares)
        job->work(job->data, share);
}

static void *thread_main(void *argument) {
    take_shares(argument);
    return 0;
}

void rnnlab_share_out(TEAM team, int64_t threads, int64_t shares, void (*work)(void *, int64_t),
                      void *data) {
    JOB job = {work, data, shares, 0};
    pthread_t others[MOST_THREADS];
    int64_t started = 0, wanted = threads < shares ? threads : shares;
    if (wanted > MOST_THREADS) wanted = MOST_THREADS;
    if (wanted > 1 && team) {
        team(take_shares, &job, (unsigned)wanted, 0);
        return;
    }
    while (started < wanted - 1 && !pthread_create(others + started, 0, thread_main, &job)) started++;
    take_shares(&job);
    for (int64_t i = 0; i < started; i++) pthread_join(others[i], 0);
}
