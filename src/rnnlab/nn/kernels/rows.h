/* Gradients of a table of which a step reads few rows, in float (rows_float.c) and double.
 *
 * A gradient is `count` distinct row numbers and as many rows of `columns` numbers. `slot` is a map
 * from row to its place in them, -1 where it has none; it is so on entry and on return. A row that
 * has a place on entry keeps it: its gradients are added to what is there.
 */

#ifndef RNNLAB_ROWS_H
#define RNNLAB_ROWS_H

#include <stdint.h>

#include "team.h"

typedef struct {
    int64_t entries, columns, skip, threads; /* skip: a row whose gradient is not wanted, or -1 */
    const int64_t *places;                   /* [entries]: the row that each gradient belongs to */
    const int64_t *sources;                  /* [entries]: the gradient's row; null for its own */
    const void *gradients;                   /* [entries or fewer][columns] */
    int32_t *slot;
    int64_t *rows; /* out: [count] */
    void *sums;    /* out: [count][columns], in the order of `rows`, that of first appearance */
    TEAM team;
} SUM_ROWS;

typedef struct {
    int64_t batch, time, table_rows, columns, threads;
    const int64_t *places, *lengths; /* [batch][time], of which the first lengths[b] count */
    const void *table;
    void *means; /* out: [batch][columns] */
    TEAM team;
} MEAN_ROWS;

typedef struct {
    int64_t table_rows, columns, count, threads;
    void *table, *mean, *square; /* [table_rows][columns] */
    const int64_t *rows;
    const void *gradient;
    int32_t *slot;
    double step_size, shrink, l2, beta1, beta2, correction, eps;
    TEAM team;
} ADAM_ROWS;

#endif
