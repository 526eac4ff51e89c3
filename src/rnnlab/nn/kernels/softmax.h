/* Cross entropy of many classes and its gradient, in place. */

#ifndef RNNLAB_SOFTMAX_H
#define RNNLAB_SOFTMAX_H

#include <stdint.h>

#include "team.h"

typedef struct {
    int64_t rows, classes, threads;
    const int64_t *targets; /* [rows] */
    const void *bias;       /* [classes] */
    void *logits;           /* [rows][classes] without the bias; out: softmax, less 1 at the target */
    void *nats;             /* out: [rows] */
    TEAM team;
} SOFTMAX;

#endif
