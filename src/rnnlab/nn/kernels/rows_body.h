/* For one floating type REAL; FUNCTION(name) gives a function's name in it. */

#include <string.h>

#include "rows.h"

enum { FEWEST_COLUMNS = 16 };

typedef struct {
    const SUM_ROWS *call;
    int64_t count, shares;
} SUM_JOB;

/* Add up one share of the columns, in the order of entries. */
static void sum_columns(void *data, int64_t share) {
    const SUM_JOB *job = data;
    const SUM_ROWS *c = job->call;
    int64_t from = c->columns * share / job->shares, to = c->columns * (share + 1) / job->shares;
    for (int64_t row = 0; row < job->count; row++)
        memset((REAL *)c->sums + row * c->columns + from, 0, sizeof(REAL) * (to - from));
    for (int64_t entry = 0; entry < c->entries; entry++) {
        int32_t slot = c->slot[c->places[entry]];
        if (slot < 0) continue;
        REAL *restrict sum = (REAL *)c->sums + slot * c->columns;
        int64_t source = c->sources ? c->sources[entry] : entry;
        const REAL *restrict gradient = (const REAL *)c->gradients + source * c->columns;
        for (int64_t column = from; column < to; column++) sum[column] += gradient[column];
    }
}

/* Returns the number of distinct rows. */
EXPORTED int64_t FUNCTION(rnnlab_sum_rows)(const SUM_ROWS *c) {
    int64_t count = 0;
    for (int64_t entry = 0; entry < c->entries; entry++) {
        int64_t row = c->places[entry];
        if (row == c->skip || c->slot[row] >= 0) continue;
        c->slot[row] = (int32_t)count;
        c->rows[count++] = row;
    }
    int64_t shares = c->columns / FEWEST_COLUMNS;
    if (shares > c->threads) shares = c->threads;
    if (shares < 1) shares = 1;
    SUM_JOB job = {c, count, shares};
    rnnlab_share_out(c->team, c->threads, shares, sum_columns, &job);
    for (int64_t row = 0; row < count; row++) c->slot[c->rows[row]] = -1;
    return count;
}

static void mean_share(void *data, int64_t share) {
    const MEAN_ROWS *c = data;
    int64_t shares = c->threads < c->batch ? c->threads : c->batch;
    for (int64_t b = share; b < c->batch; b += shares) {
        REAL *restrict mean = (REAL *)c->means + b * c->columns;
        memset(mean, 0, sizeof(REAL) * c->columns);
        for (int64_t t = 0; t < c->lengths[b]; t++) {
            const REAL *restrict row = (const REAL *)c->table + c->places[b * c->time + t] * c->columns;
            for (int64_t i = 0; i < c->columns; i++) mean[i] += row[i];
        }
        for (int64_t i = 0; i < c->columns; i++) mean[i] /= c->lengths[b];
    }
}

/* Mean of the rows that each sequence reads. Returns 0, or -1 where one is not in the table. */
EXPORTED int64_t FUNCTION(rnnlab_mean_rows)(const MEAN_ROWS *c) {
    int64_t shares = c->threads < c->batch ? c->threads : c->batch;
    for (int64_t i = 0; i < c->batch * c->time; i++)
        if (c->places[i] < 0 || c->places[i] >= c->table_rows) return -1;
    rnnlab_share_out(c->team, c->threads, shares, mean_share, (void *)c);
    return 0;
}

typedef struct {
    const ADAM_ROWS *call;
    int64_t shares;
} ADAM_JOB;

#define ADAM(gradient_)                                                                            \
    {                                                                                              \
        REAL g = (gradient_) + l2 * value[i];                                                      \
        mean[i] += rest1 * (g - mean[i]);                                                          \
        square[i] = beta2 * square[i] + rest2 * g * g;                                             \
        value[i] = shrink * value[i] -                                                             \
                   step_size * mean[i] / (SQUARE_ROOT(square[i]) * scale + eps);              \
    }

static void adam_share(void *data, int64_t share) {
    const ADAM_JOB *job = data;
    const ADAM_ROWS *c = job->call;
    int64_t from = c->table_rows * share / job->shares;
    int64_t to = c->table_rows * (share + 1) / job->shares;
    REAL step_size = c->step_size, shrink = c->shrink, l2 = c->l2, eps = c->eps;
    REAL beta2 = c->beta2, rest1 = 1 - c->beta1, rest2 = 1 - c->beta2;
    REAL scale = 1 / c->correction;
    for (int64_t row = from, next; row < to; row = next) {
        int64_t start = row * c->columns;
        REAL *restrict value = (REAL *)c->table + start;
        REAL *restrict mean = (REAL *)c->mean + start;
        REAL *restrict square = (REAL *)c->square + start;
        next = row + 1;
        if (c->slot[row] >= 0) {
            const REAL *restrict gradient = (const REAL *)c->gradient + c->slot[row] * c->columns;
            for (int64_t i = 0; i < c->columns; i++) ADAM(gradient[i])
        } else {
            while (next < to && c->slot[next] < 0) next++;
            for (int64_t i = 0; i < (next - row) * c->columns; i++) ADAM(0)
        }
    }
}

/* One update of Adam on the whole table; rows without a gradient have zero. */
EXPORTED int64_t FUNCTION(rnnlab_adam_rows)(const ADAM_ROWS *c) {
    for (int64_t i = 0; i < c->count; i++) c->slot[c->rows[i]] = (int32_t)i;
    ADAM_JOB job = {c, c->threads < c->table_rows ? c->threads : c->table_rows};
    rnnlab_share_out(c->team, c->threads, job.shares, adam_share, &job);
    for (int64_t i = 0; i < c->count; i++) c->slot[c->rows[i]] = -1;
    return 0;
}
