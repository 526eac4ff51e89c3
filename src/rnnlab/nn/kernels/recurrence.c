/* Entry point: shares a call out over threads. */

#include "recurrence.h"

typedef struct {
    const BATCH *batch;
    int64_t parts;
    int failed;
} CALL;

static void work(void *data, int64_t share) {
    CALL *call = data;
    const BATCH *b = call->batch;
    const DIRECTION *d = b->each + share % b->directions;
    if ((b->is_double ? rnnlab_share_double : rnnlab_share_float)(b, d, share / b->directions,
                                                                  call->parts))
        __atomic_store_n(&call->failed, -1, __ATOMIC_RELAXED);
}

/* Run all sequences in all directions. Returns 0, or -1 where there is no memory. */
__attribute__((visibility("default"))) int rnnlab_recurrence(const BATCH *b) {
    enum { FEWEST_ROWS = 4 }; /* fewer sequences than this do not keep a core busy */
    int64_t parts = b->threads / b->directions, most = (b->batch + FEWEST_ROWS - 1) / FEWEST_ROWS;
    if (parts > most) parts = most;
    if (parts < 1) parts = 1;
    CALL call = {b, parts, 0};
    rnnlab_share_out(b->team, b->threads, parts * b->directions, work, &call);
    return call.failed;
}
