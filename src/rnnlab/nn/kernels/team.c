#include "team.h"

#include <pthread.h>
#ifdef __SSE2__
#include <xmmintrin.h>
#endif

enum { MOST_THREADS = 256 };

typedef struct {
    void (*work)(void *, int64_t);
    void *data;
    int64_t shares, next;
} JOB;

/* This thread's floating-point mode. In FLUSHING, numbers below the smallest normal one are zero, as
 * results and as operands. */
#ifdef __SSE2__
enum { FLUSHING = 0x8040 };
static unsigned mode(void) { return _mm_getcsr(); }
static void set_mode(unsigned wanted) { _mm_setcsr(wanted); }
#else
enum { FLUSHING = 0 };
static unsigned mode(void) { return 0; }
static void set_mode(unsigned wanted) { (void)wanted; }
#endif

static void take_shares(void *argument) {
    JOB *job = argument;
    int64_t share;
    unsigned before = mode();
    set_mode(before | FLUSHING);
    while ((share = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED)) < job->shares)
        job->work(job->data, share);
    set_mode(before);
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

static void take_mode(void *wanted) { set_mode(*(unsigned *)wanted); }

EXPORTED void rnnlab_set_mode(TEAM team, int64_t threads, int64_t wanted) {
    unsigned mode = (unsigned)wanted;
    if (team) team(take_mode, &mode, (unsigned)threads, 0);
    else take_mode(&mode);
}

EXPORTED int64_t rnnlab_flush(TEAM team, int64_t threads) {
    unsigned before = mode();
    rnnlab_set_mode(team, threads, before | FLUSHING);
    return before;
}
