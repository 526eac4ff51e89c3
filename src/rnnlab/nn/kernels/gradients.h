/* Gradient of a weight matrix: the gradients of what it gave, transposed, times what it multiplied; in
 * float (gradients_float.c) and double.
 */

#ifndef RNNLAB_GRADIENTS_H
#define RNNLAB_GRADIENTS_H

#include <stdint.h>

#include "team.h"

typedef struct {
    int64_t tokens, threads;
    int64_t groups, units, width; /* of each `width` columns of `left` the first `units` count */
    int64_t columns, adds;        /* adds: to what the product holds */
    int64_t left_stride, right_stride;
    const void *left;      /* [tokens][left_stride] */
    const void *right;     /* [any][right_stride], of which the first `columns` count */
    const int64_t *places; /* [tokens]: the row of `right` that belongs to each; null for its own */
    void *product;         /* out: [groups * units][columns] */
    void *sums;            /* out: [groups * units], of left's columns, over tokens */
    TEAM team;
} GRADIENT;

#endif
