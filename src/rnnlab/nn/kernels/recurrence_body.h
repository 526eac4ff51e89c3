/* The recurrence for one floating type REAL, whose integer INT and constants are defined by the file
 * that includes this. Layout of all arrays: recurrence.h.
 */

#include <stdlib.h>

#include "elementwise.h"
#include "recurrence.h"

INLINE VEC relu(VEC x) { return select_((MASK)(x < 0), (VEC){}, x); }

INLINE void activate(VEC *x, int64_t activation, int count) {
    CURVE curve = curve_of(activation);
    if (activation == RELU) EACH(i, count) x[i] = relu(x[i]);
    else bend(x, &curve, 1, count);
}

/* Derivative of an activation, from its value. */
INLINE VEC slope(VEC y, int64_t activation) {
    if (activation == TANH) return 1 - y * y;
    if (activation == SIGMOID) return y * (1 - y);
    return select_((MASK)(y > 0), (VEC){} + 1, (VEC){});
}

/* --- small matrix products ------------------------------------------------------------------ */

/* A part of a product: some of its depth, so that the panel of weights fits the nearest cache. */
typedef struct {
    const REAL *const *rows, *panel;
    int64_t from, depth, size, total; /* this part; the usual part; the whole */
    int vectors;                      /* of weights for each number of a row */
    int first, last;                  /* of all the parts of one sum */
    int ends;                         /* no other product adds to the sum after this one */
    int done;
} PART;

INLINE PART first_part(const REAL *const *rows, int64_t total, const REAL *panel, int vectors,
                       int begins, int ends) {
    int64_t parts = (total * vectors + PANEL_VECTORS - 1) / PANEL_VECTORS;
    int64_t size = parts ? (total + parts - 1) / parts : 1;
    int64_t depth = size < total ? size : total;
    return (PART){rows, panel,   0,      depth, size, total, vectors, begins, ends && depth == total,
                  ends, 0};
}

INLINE void next_part(PART *p) {
    p->panel += p->depth * p->vectors * LANES;
    p->from += p->depth;
    p->depth = p->total - p->from < p->size ? p->total - p->from : p->size;
    p->first = 0;
    p->last = p->ends && p->from + p->depth == p->total;
    p->done = p->depth == 0;
}

#define FOR_PARTS(...)                                                                             \
    for (PART p = first_part(__VA_ARGS__); !p.done; next_part(&p))

/* sum[i][j] += rows[at + i] . panel[j]; m and n are constants once inlined. Every row is summed in
 * the same order whatever its companions, so a result never depends on them. */
INLINE void multiply(VEC sum[MAX_ROWS][4], int m, int n, const PART *p, int64_t at) {
    const REAL *row[MAX_ROWS], *panel = p->panel;
    EACH(i, m) row[i] = p->rows[at + i] + p->from;
    for (int64_t k = 0; k < p->depth; k++, panel += n * LANES) {
        VEC column[4];
        EACH(j, n) column[j] = READ(panel + j * LANES);
        EACH(i, m) EACH(j, n) sum[i][j] += row[i][k] * column[j];
    }
}

/* Row `unit` of a gate's recurrent weights, or null beyond the units. */
INLINE const REAL *weight_row(const DIRECTION *d, int64_t gate, int64_t unit) {
    return unit < d->units ? (const REAL *)d->weight + (gate * d->units + unit) * d->units : 0;
}

/* Columns `block` .. block + n of a gate's weights, transposed: `stride` numbers for each k. */
static void transpose(const DIRECTION *d, int gate, int64_t block, int64_t n, int64_t stride,
                      REAL *packed) {
    const REAL *first = weight_row(d, gate, block);
    int64_t there = d->units - block < n ? d->units - block : n;
    for (int64_t k = 0; k < d->units; k++, packed += stride) {
        for (int64_t l = 0; l < there; l++) packed[l] = first[l * d->units + k];
        for (int64_t l = there; l < n; l++) packed[l] = 0;
    }
}

/* Weights for the forward product: per block of LANES units, for each k, one vector per gate. */
static void pack_gates(const DIRECTION *d, int gates, REAL *packed) {
    for (int64_t block = 0; block < d->width; block += LANES, packed += d->units * gates * LANES)
        for (int g = 0; g < gates; g++) transpose(d, g, block, LANES, gates * LANES, packed + g * LANES);
}

/* Blocks that go together through a product of one gate: four while there are four, then one. */
INLINE int together(const DIRECTION *d, int64_t block) {
    return block + 4 * LANES <= d->width ? 4 : 1;
}

/* Weights of one gate for the forward product, blocks together. */
static void pack_units(const DIRECTION *d, int gate, REAL *packed) {
    for (int64_t block = 0, n; block < d->width; block += n, packed += n * d->units) {
        n = together(d, block) * LANES;
        transpose(d, gate, block, n, n, packed);
    }
}

/* Weights for the backward product: blocks together, over gates and units. */
static void pack_transposed(const DIRECTION *d, int first, int gates, REAL *packed) {
    for (int64_t block = 0, n; block < d->width; block += n) {
        n = together(d, block) * LANES;
        for (int g = first; g < first + gates; g++)
            for (int64_t k = 0; k < d->width; k++, packed += n) {
                const REAL *row = weight_row(d, g, k);
                for (int64_t l = 0; l < n; l++)
                    packed[l] = row && block + l < d->units ? row[block + l] : 0;
            }
    }
}

/* --- rows of one time step ------------------------------------------------------------------ */

/* Pointers of the rows that take part in a step; the index is the position in the thread's list. */
typedef struct {
    REAL **gates, **out, **extra;              /* this step */
    const REAL **out_before, **extra_before;   /* the step before, or the initial state */
    const REAL **grad_out, **grad_final;       /* from above; of the final output */
    REAL **grad_gates, **grad_extra, **carry;  /* this step; the state's gradient going back */
    const REAL **grad_gates_after, **grad_extra_after, **grad_candidate;
    const REAL **inputs;
} STEP;

/* Fetch what rows at .. at + m will be read of soon: n vectors at a place in each. */
#define FETCH(pointers, place, m, n) \
    EACH(i_, m) EACH(j_, n) __builtin_prefetch((pointers)[at + i_] + (place) + j_ * LANES)

/* Sums of n vectors that lie together, or `stride` apart, in each row. */
INLINE void load(VEC sum[MAX_ROWS][4], int m, int n, REAL *const *rows, int64_t place,
                 int64_t stride, int64_t at) {
    EACH(i, m) EACH(j, n) sum[i][j] = READ(rows[at + i] + place + j * stride);
}

/* Sums of a step's gates begin with the inputs' part and the biases. */
INLINE void load_gates(VEC sum[MAX_ROWS][4], int m, int n, const DIRECTION *d, const PART *p,
                       const STEP *s, int64_t place, int64_t stride, int64_t at) {
    load(sum, m, n, p->first ? (REAL *const *)s->inputs : s->gates, place, stride, at);
    if (p->first)
        EACH(j, n) {
            VEC bias = READ((const REAL *)d->bias + place + j * stride);
            EACH(i, m) sum[i][j] += bias;
        }
}

INLINE void store(VEC sum[MAX_ROWS][4], int m, int n, REAL *const *rows, int64_t place,
                  int64_t stride, int64_t at) {
    EACH(i, m) EACH(j, n) AT(rows[at + i] + place + j * stride) = sum[i][j];
}

/* --- cells, forward: m rows, units block .. block + LANES ------------------------------------ */

INLINE void lstm_forward(int m, const DIRECTION *d, int64_t block, const PART *p, const STEP *s,
                         int64_t at) {
    int64_t w = d->width;
    VEC sum[MAX_ROWS][4], cell[MAX_ROWS];
    EACH(g, 4) FETCH(s->inputs + m, block + g * w, m, 1);
    if (p->last) FETCH(s->extra_before, block, m, 1);
    load_gates(sum, m, 4, d, p, s, block, w, at);
    multiply(sum, m, 4, p, at);
    if (!p->last) return store(sum, m, 4, s->gates, block, w, at);
    CURVE curves[4] = {SIGMOID_CURVE, SIGMOID_CURVE, curve_of(d->activation), SIGMOID_CURVE};
    EACH(i, m) {
        VEC candidate = sum[i][2];
        bend(sum[i], curves, 0, 4);
        if (d->activation == RELU) sum[i][2] = relu(candidate);
        cell[i] = sum[i][1] * READ(s->extra_before[at + i] + block) + sum[i][0] * sum[i][2];
        AT(s->extra[at + i] + block) = cell[i];
    }
    if (d->keep) store(sum, m, 4, s->gates, block, w, at);
    activate(cell, d->activation, m);
    EACH(i, m) AT(s->out[at + i] + block) = sum[i][3] * cell[i];
}

INLINE void gru_forward(int m, const DIRECTION *d, int64_t block, const PART *p, const STEP *s,
                        int64_t at) {
    int64_t w = d->width;
    VEC sum[MAX_ROWS][4], candidate[MAX_ROWS];
    EACH(g, 3) FETCH(s->inputs + m, block + g * w, m, 1);
    const REAL *bias = d->bias;
    load_gates(sum, m, 2, d, p, s, block, w, at);
    EACH(i, m) sum[i][2] = READ(p->first ? bias + 3 * w + block : s->extra[at + i] + block);
    multiply(sum, m, 3, p, at);
    if (p->last) {
        CURVE curves[2] = {SIGMOID_CURVE, SIGMOID_CURVE};
        EACH(i, m) {
            bend(sum[i], curves, 0, 2);
            VEC inputs = READ(s->inputs[at + i] + 2 * w + block) + READ(bias + 2 * w + block);
            candidate[i] = inputs + sum[i][0] * sum[i][2];
        }
        activate(candidate, d->activation, m);
        EACH(i, m) {
            VEC before = READ(s->out_before[at + i] + block);
            AT(s->out[at + i] + block) = candidate[i] + sum[i][1] * (before - candidate[i]);
            AT(s->gates[at + i] + 2 * w + block) = candidate[i];
        }
    }
    EACH(i, m) AT(s->extra[at + i] + block) = sum[i][2];
    store(sum, m, 2, s->gates, block, w, at);
}

/* Reset before the product, first half: both gates, and the reset state in `extra`. */
INLINE void gru_before_gates(int m, const DIRECTION *d, int64_t block, const PART *p,
                             const STEP *s, int64_t at) {
    int64_t w = d->width;
    VEC sum[MAX_ROWS][4];
    load_gates(sum, m, 2, d, p, s, block, w, at);
    multiply(sum, m, 2, p, at);
    if (p->last) {
        CURVE curves[2] = {SIGMOID_CURVE, SIGMOID_CURVE};
        EACH(i, m) {
            bend(sum[i], curves, 0, 2);
            AT(s->extra[at + i] + block) = sum[i][0] * READ(s->out_before[at + i] + block);
        }
    }
    store(sum, m, 2, s->gates, block, w, at);
}

/* Second half: the candidate from the reset state; n blocks of units. */
INLINE void gru_before_state(int m, int n, const DIRECTION *d, int64_t block, const PART *p,
                             const STEP *s, int64_t at) {
    int64_t w = d->width;
    VEC sum[MAX_ROWS][4];
    load_gates(sum, m, n, d, p, s, 2 * w + block, LANES, at);
    multiply(sum, m, n, p, at);
    if (p->last)
        EACH(i, m) {
            activate(sum[i], d->activation, n);
            EACH(j, n) {
                int64_t u = block + j * LANES;
                VEC before = READ(s->out_before[at + i] + u);
                VEC update = READ(s->gates[at + i] + w + u);
                AT(s->out[at + i] + u) = sum[i][j] + update * (before - sum[i][j]);
            }
        }
    store(sum, m, n, s->gates, 2 * w + block, LANES, at);
}

INLINE void rnn_forward(int m, int n, const DIRECTION *d, int64_t block, const PART *p,
                        const STEP *s, int64_t at) {
    VEC sum[MAX_ROWS][4];
    FETCH(s->inputs + m, block, m, n);
    load_gates(sum, m, n, d, p, s, block, LANES, at);
    multiply(sum, m, n, p, at);
    if (!p->last) return store(sum, m, n, s->gates, block, LANES, at);
    EACH(i, m) activate(sum[i], d->activation, n);
    store(sum, m, n, s->out, block, LANES, at);
}

/* --- cells, backward: m rows, n blocks of units; `more`: a later step has been done ------------- */

/* The gradient that reaches each unit's output: from above; from the final state, or from what the
 * later step carried back; and through the later step's gates. A sum in parts waits in the place of
 * the first gate's gradient. */
INLINE void collect(VEC sum[MAX_ROWS][4], int m, int n, int more, const DIRECTION *d, int64_t block,
                    const PART *p, const STEP *s, int64_t at) {
    if (p->first) {
        int carries = d->cell == GRU || d->cell == GRU_BEFORE;
        load(sum, m, n, (REAL *const *)s->grad_out, block, LANES, at);
        if (carries || !more)
            EACH(i, m) EACH(j, n)
                sum[i][j] += READ((more ? (const REAL **)s->carry : s->grad_final)[at + i] + block + j * LANES);
    } else {
        load(sum, m, n, s->grad_gates, block, LANES, at);
    }
    if (p->last) {
        int64_t gates = d->cell == LSTM ? 4 : d->cell == RNN ? 0 : 3;
        for (int64_t g = 0; g < gates; g++) FETCH(s->gates, block + g * d->width, m, n);
        FETCH(s->extra, block, m, n);
    }
    multiply(sum, m, n, p, at);
}

INLINE void lstm_backward(int m, int n, int more, const DIRECTION *d, int64_t block, const PART *p,
                          const STEP *s, int64_t at) {
    int64_t w = d->width;
    VEC sum[MAX_ROWS][4];
    collect(sum, m, n, more, d, block, p, s, at);
    if (!p->last) return store(sum, m, n, s->grad_gates, block, LANES, at);
    EACH(i, m) {
        VEC squashed[4];
        EACH(j, n) squashed[j] = READ(s->extra[at + i] + block + j * LANES);
        activate(squashed, d->activation, n);
        EACH(j, n) {
            int64_t u = block + j * LANES;
            const REAL *gates = s->gates[at + i] + u;
            REAL *grad = s->grad_gates[at + i] + u;
            VEC input = READ(gates), forget = READ(gates + w), candidate = READ(gates + 2 * w);
            VEC output = READ(gates + 3 * w);
            VEC cell = READ(s->carry[at + i] + u) +
                       sum[i][j] * output * slope(squashed[j], d->activation);
            AT(grad) = cell * candidate * input * (1 - input);
            AT(grad + w) = cell * READ(s->extra_before[at + i] + u) * forget * (1 - forget);
            AT(grad + 2 * w) = cell * input * slope(candidate, d->activation);
            AT(grad + 3 * w) = sum[i][j] * squashed[j] * output * (1 - output);
            AT(s->carry[at + i] + u) = cell * forget;
        }
    }
}

INLINE void gru_backward(int m, int n, int more, const DIRECTION *d, int64_t block, const PART *p,
                         const STEP *s, int64_t at) {
    int64_t w = d->width;
    VEC sum[MAX_ROWS][4];
    collect(sum, m, n, more, d, block, p, s, at);
    if (!p->last) return store(sum, m, n, s->grad_gates, block, LANES, at);
    EACH(i, m) EACH(j, n) {
        int64_t u = block + j * LANES;
        const REAL *gates = s->gates[at + i] + u;
        REAL *grad = s->grad_gates[at + i] + u;
        VEC reset = READ(gates), update = READ(gates + w), candidate = READ(gates + 2 * w);
        VEC before = READ(s->out_before[at + i] + u);
        VEC inner = sum[i][j] * (1 - update) * slope(candidate, d->activation);
        AT(grad) = inner * READ(s->extra[at + i] + u) * reset * (1 - reset);
        AT(grad + w) = sum[i][j] * (before - candidate) * update * (1 - update);
        AT(grad + 2 * w) = inner;
        AT(s->grad_extra[at + i] + u) = inner * reset;
        AT(s->carry[at + i] + u) = sum[i][j] * update;
    }
}

INLINE void gru_before_backward_state(int m, int n, int more, const DIRECTION *d, int64_t block,
                                      const PART *p, const STEP *s, int64_t at) {
    int64_t w = d->width;
    VEC sum[MAX_ROWS][4];
    collect(sum, m, n, more, d, block, p, s, at);
    if (!p->last) return store(sum, m, n, s->grad_gates, block, LANES, at);
    EACH(i, m) EACH(j, n) {
        int64_t u = block + j * LANES;
        const REAL *gates = s->gates[at + i] + u;
        REAL *grad = s->grad_gates[at + i] + u;
        VEC update = READ(gates + w), candidate = READ(gates + 2 * w);
        VEC before = READ(s->out_before[at + i] + u);
        AT(grad + w) = sum[i][j] * (before - candidate) * update * (1 - update);
        AT(grad + 2 * w) = sum[i][j] * (1 - update) * slope(candidate, d->activation);
        AT(s->carry[at + i] + u) = sum[i][j] * update;
    }
}

INLINE void gru_before_backward_reset(int m, int n, int64_t block, const PART *p, const STEP *s,
                                      int64_t at) {
    VEC sum[MAX_ROWS][4] = {};
    if (!p->first) load(sum, m, n, s->grad_gates, block, LANES, at);
    multiply(sum, m, n, p, at);
    if (!p->last) return store(sum, m, n, s->grad_gates, block, LANES, at);
    EACH(i, m) EACH(j, n) {
        int64_t u = block + j * LANES;
        VEC reset = READ(s->gates[at + i] + u);
        AT(s->carry[at + i] + u) += sum[i][j] * reset;
        AT(s->grad_gates[at + i] + u) =
            sum[i][j] * READ(s->out_before[at + i] + u) * reset * (1 - reset);
    }
}

INLINE void rnn_backward(int m, int n, int more, const DIRECTION *d, int64_t block, const PART *p,
                         const STEP *s, int64_t at) {
    VEC sum[MAX_ROWS][4];
    collect(sum, m, n, more, d, block, p, s, at);
    if (p->last)
        EACH(i, m) EACH(j, n)
            sum[i][j] *= slope(READ(s->out[at + i] + block + j * LANES), d->activation);
    store(sum, m, n, s->grad_gates, block, LANES, at);
}

/* --- one step of all rows ---------------------------------------------------------------------- */

/* A panel stays in the nearest cache while all rows pass; rows go in blocks of nearly equal size. */
#define FOR_ROWS(from, to, ...)                                                                    \
    for (int64_t at = (from), left = ((to) - (from) + MAX_ROWS - 1) / MAX_ROWS, m; at < (to);      \
         at += m, left--) {                                                                        \
        m = ((to) - at + left - 1) / left;                                                         \
        switch (m) { CASES(__VA_ARGS__) }                                                          \
    }

#define WIDE(function, m, ...) \
    do { if (n == 4) function(m, 4, __VA_ARGS__); else function(m, 1, __VA_ARGS__); } while (0)

static void forward_step(const DIRECTION *d, const REAL *packed, const REAL *packed_candidate,
                         const STEP *s, int64_t rows) {
    int gates = d->cell == LSTM ? 4 : d->cell == GRU ? 3 : 2;
    for (int64_t block = 0; block < d->width && d->cell != RNN; block += LANES) {
        const REAL *panel = packed + block * d->units * gates;
        FOR_PARTS(s->out_before, d->units, panel, gates, 1, 1) {
            if (d->cell == LSTM) {
                FOR_ROWS(0, rows, lstm_forward(M, d, block, &p, s, at))
            } else if (d->cell == GRU) {
                FOR_ROWS(0, rows, gru_forward(M, d, block, &p, s, at))
            } else {
                FOR_ROWS(0, rows, gru_before_gates(M, d, block, &p, s, at))
            }
        }
    }
    if (d->cell == LSTM || d->cell == GRU) return;
    const REAL *start = d->cell == RNN ? packed : packed_candidate;
    const REAL *const *before = d->cell == RNN ? s->out_before : (const REAL *const *)s->extra;
    for (int64_t block = 0, n; block < d->width; block += n * LANES) {
        n = together(d, block);
        FOR_PARTS(before, d->units, start + block * d->units, n, 1, 1) {
            if (d->cell == RNN) {
                FOR_ROWS(0, rows, WIDE(rnn_forward, M, d, block, &p, s, at))
            } else {
                FOR_ROWS(0, rows, WIDE(gru_before_state, M, d, block, &p, s, at))
            }
        }
    }
}

static void backward_step(const DIRECTION *d, const REAL *packed, const REAL *packed_candidate,
                          const STEP *s, int64_t from, int64_t to, int more) {
    int gates = d->cell == LSTM ? 4 : d->cell == RNN ? 1 : 2;
    if (from == to) return;
    for (int64_t block = 0, n; block < d->width; block += n * LANES) {
        const REAL *panel = packed + block * d->width * gates;
        n = together(d, block);
        FOR_PARTS(s->grad_gates_after, more ? gates * d->width : 0, panel, n, 1,
                  d->cell != GRU || !more) {
            if (d->cell == LSTM) {
                FOR_ROWS(from, to, WIDE(lstm_backward, M, more, d, block, &p, s, at))
            } else if (d->cell == GRU) {
                FOR_ROWS(from, to, WIDE(gru_backward, M, more, d, block, &p, s, at))
            } else if (d->cell == GRU_BEFORE) {
                FOR_ROWS(from, to, WIDE(gru_before_backward_state, M, more, d, block, &p, s, at))
            } else {
                FOR_ROWS(from, to, WIDE(rnn_backward, M, more, d, block, &p, s, at))
            }
        }
        if (d->cell != GRU || !more) continue;
        FOR_PARTS(s->grad_extra_after, d->width, packed_candidate + block * d->width, n, 0, 1) {
            FOR_ROWS(from, to, WIDE(gru_backward, M, more, d, block, &p, s, at))
        }
    }
    if (d->cell != GRU_BEFORE) return;
    for (int64_t block = 0, n; block < d->width; block += n * LANES) {
        n = together(d, block);
        FOR_PARTS(s->grad_candidate, d->width, packed_candidate + block * d->width, n, 1, 1) {
            FOR_ROWS(from, to, WIDE(gru_before_backward_reset, M, block, &p, s, at))
        }
    }
}

/* --- one thread's share ------------------------------------------------------------------------ */

static int run_share(const BATCH *b, const DIRECTION *d, int64_t part, int64_t parts) {
    enum { POINTERS = 14 };
    int64_t rows = (b->batch - part + parts - 1) / parts;
    if (rows <= 0) return 0;
    int64_t gates = d->cell == LSTM ? 4 : d->cell == RNN ? 1 : 3;
    int64_t panel_size = d->width * d->width;
    REAL *packed;
    if (posix_memalign((void **)&packed, 64, sizeof(REAL) * gates * panel_size)) return -1;
    /* each list ends in as many null pointers as a block of rows may look ahead */
    int64_t list = rows + MAX_ROWS;
    REAL **pointers = calloc(POINTERS * list, sizeof(REAL *));
    if (!pointers) return free(packed), -1;
    STEP s = {
        pointers, pointers + list, pointers + 2 * list,
        (const REAL **)pointers + 3 * list, (const REAL **)pointers + 4 * list,
        (const REAL **)pointers + 5 * list, (const REAL **)pointers + 6 * list,
        pointers + 7 * list, pointers + 8 * list, pointers + 9 * list,
        (const REAL **)pointers + 10 * list, (const REAL **)pointers + 11 * list,
        (const REAL **)pointers + 12 * list, (const REAL **)pointers + 13 * list,
    };
    REAL *packed_candidate = packed + 2 * panel_size;
    if (b->backward) {
        pack_transposed(d, 0, d->cell == LSTM ? 4 : d->cell == RNN ? 1 : 2, packed);
        if (gates == 3) pack_transposed(d, 2, 1, packed_candidate);
    } else if (d->cell == RNN) {
        pack_units(d, 0, packed);
    } else {
        pack_gates(d, d->cell == LSTM ? 4 : d->cell == GRU ? 3 : 2, packed);
        if (d->cell == GRU_BEFORE) pack_units(d, 2, packed_candidate);
    }
    int64_t longest = b->lengths[b->order[part]];
    int64_t active = b->backward ? 0 : rows;
    for (int64_t i = 0; i < longest; i++) {
        int64_t t = b->backward ? longest - 1 - i : i;
        int64_t continued = active; /* backward: rows whose next step has been done */
        if (b->backward)
            while (active < rows && b->lengths[b->order[part + active * parts]] > t) active++;
        else
            while (b->lengths[b->order[part + (active - 1) * parts]] <= t) active--;
        for (int64_t r = 0; r < active; r++) {
            int64_t sequence = b->order[part + r * parts];
            int64_t step = d->reverse ? b->lengths[sequence] - 1 - t : t;
            int64_t row = b->offsets[sequence] + step, towards_start = d->reverse ? 1 : -1;
            int64_t before = t ? row + towards_start : b->tokens + sequence;
            s.gates[r] = (REAL *)d->gates + row * d->gates_stride;
            s.out[r] = (REAL *)d->out + row * d->state_stride;
            s.extra[r] = (REAL *)d->extra + row * d->state_stride;
            s.out_before[r] = (REAL *)d->out + before * d->state_stride;
            s.extra_before[r] = (REAL *)d->extra + before * d->state_stride;
            if (!b->backward) {
                int64_t place = b->places ? b->places[row] : row;
                s.inputs[r] = (const REAL *)d->inputs + place * d->gates_stride;
                continue;
            }
            s.grad_out[r] = (REAL *)d->grad_out + row * d->state_stride;
            s.grad_final[r] = (REAL *)d->grad_final + sequence * d->state_stride;
            s.carry[r] = (REAL *)d->carry + sequence * d->state_stride;
            s.grad_gates[r] = (REAL *)d->grad_gates + row * d->gates_stride;
            s.grad_extra[r] = (REAL *)d->grad_extra + row * d->state_stride;
            s.grad_gates_after[r] = s.grad_gates[r] - towards_start * d->gates_stride;
            s.grad_candidate[r] = s.grad_gates[r] + 2 * d->width;
            s.grad_extra_after[r] = s.grad_extra[r] - towards_start * d->state_stride;
        }
        if (!b->backward) {
            forward_step(d, packed, packed_candidate, &s, active);
        } else {
            backward_step(d, packed, packed_candidate, &s, 0, continued, 1);
            backward_step(d, packed, packed_candidate, &s, continued, active, 0);
        }
    }
    free(pointers);
    free(packed);
    return 0;
}

/* --- entry ------------------------------------------------------------------------------------- */

typedef struct {
    const BATCH *batch;
    int64_t parts;
    int failed;
} CALL;

static void work(void *data, int64_t share) {
    CALL *call = data;
    const BATCH *b = call->batch;
    const DIRECTION *d = b->each + share % b->directions;
    if (run_share(b, d, share / b->directions, call->parts))
        __atomic_store_n(&call->failed, -1, __ATOMIC_RELAXED);
}

/* Run all sequences in all directions. Returns 0, or -1 where there is no memory. */
EXPORTED int64_t FUNCTION(rnnlab_recurrence)(const BATCH *b) {
    enum { FEWEST_ROWS = 4 }; /* fewer sequences than this do not keep a core busy */
    int64_t parts = b->threads / b->directions, most = (b->batch + FEWEST_ROWS - 1) / FEWEST_ROWS;
    if (parts > most) parts = most;
    if (parts < 1) parts = 1;
    CALL call = {b, parts, 0};
    rnnlab_share_out(b->team, b->threads, parts * b->directions, work, &call);
    return call.failed;
}
