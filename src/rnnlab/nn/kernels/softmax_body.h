/* For one floating type REAL. */

#include <math.h>
#include <string.h>

#include "elementwise.h"
#include "softmax.h"

INLINE VEC maximum(VEC a, VEC b) { return select_((MASK)(a > b), a, b); }

static void softmax_row(const SOFTMAX *c, int64_t row) {
    REAL *logits = (REAL *)c->logits + row * c->classes;
    const REAL *bias = c->bias;
    int64_t whole = c->classes / LANES * LANES, rest = c->classes - whole;
    VEC high = (VEC){} - (REAL)INFINITY, total = {};
    for (int64_t i = 0; i < whole; i += LANES) {
        VEC x = READ(logits + i) + READ(bias + i);
        AT(logits + i) = x;
        high = maximum(high, x);
    }
    REAL top = -(REAL)INFINITY;
    for (int64_t i = 0; i < LANES; i++) top = high[i] > top ? high[i] : top;
    for (int64_t i = whole; i < c->classes; i++) {
        logits[i] += bias[i];
        top = logits[i] > top ? logits[i] : top;
    }
    REAL at_target = logits[c->targets[row]];
    for (int64_t i = 0; i < whole; i += 4 * LANES) {
        int count = whole - i < 4 * LANES ? (int)((whole - i) / LANES) : 4;
        VEC x[4] = {};
        for (int j = 0; j < count; j++) x[j] = clamp(READ(logits + i + j * LANES) - top, EXP_LIMIT);
        expm1_(x, 4);
        for (int j = 0; j < count; j++) {
            AT(logits + i + j * LANES) = x[j] + 1;
            total += x[j] + 1;
        }
    }
    if (rest) {
        VEC x[1] = {clamp(read_part(logits + whole, rest, 0) - top, EXP_LIMIT)};
        expm1_(x, 1);
        x[0] += 1;
        memcpy(logits + whole, x, sizeof(REAL) * rest);
        for (int64_t i = 0; i < rest; i++) total[0] += x[0][i];
    }
    REAL sum = 0;
    for (int64_t i = 0; i < LANES; i++) sum += total[i];
    REAL scale = 1 / sum;
    for (int64_t i = 0; i < whole; i += LANES) AT(logits + i) = READ(logits + i) * scale;
    for (int64_t i = whole; i < c->classes; i++) logits[i] *= scale;
    logits[c->targets[row]] -= 1;
    ((REAL *)c->nats)[row] = LOGARITHM(sum) + top - at_target;
}

static void softmax_share(void *data, int64_t share) {
    const SOFTMAX *c = data;
    int64_t from = c->rows * share / c->threads, to = c->rows * (share + 1) / c->threads;
    for (int64_t row = from; row < to; row++) softmax_row(c, row);
}

/* Per row: log sum exp(logits + bias) - (logits + bias)[target], and its gradient. Returns 0, or -1
 * where a target is no class; nothing is written then. */
EXPORTED int64_t FUNCTION(rnnlab_softmax)(const SOFTMAX *c) {
    for (int64_t row = 0; row < c->rows; row++)
        if (c->targets[row] < 0 || c->targets[row] >= c->classes) return -1;
    rnnlab_share_out(c->team, c->threads, c->threads, softmax_share, (void *)c);
    return 0;
}
