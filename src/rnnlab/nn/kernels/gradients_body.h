/* For one floating type REAL. */

#include <stdlib.h>
#include <string.h>

#include "elementwise.h"
#include "gradients.h"

/* Some tokens at a time, so that what their rows of `right` hold stays in the second-level cache; of
 * `left` a strip of columns. */
enum { DEPTH = 416, STRIP_ROWS = 8 * MAX_ROWS };

/* Columns of `left` that lie together, for some tokens: as many rows of the product. */
typedef struct {
    int64_t row, rows, start, depth;
    const REAL *source;
} STRIP;

INLINE STRIP strip_at(const GRADIENT *g, int64_t start, int64_t row, int64_t end) {
    int64_t unit = row % g->units, column = row / g->units * g->width + unit;
    int64_t rows = end - row < g->units - unit ? end - row : g->units - unit;
    return (STRIP){
        .row = row,
        .rows = rows < STRIP_ROWS ? rows : STRIP_ROWS,
        .start = start,
        .depth = g->tokens - start < DEPTH ? g->tokens - start : DEPTH,
        .source = (const REAL *)g->left + start * g->left_stride + column,
    };
}

/* Columns of the product that go together: at most four vectors, and nearly as many in each panel. */
typedef struct {
    int64_t column, count;
    int vectors;
} PANEL;

INLINE PANEL panel_at(const GRADIENT *g, int64_t column) {
    int64_t left = g->columns - column, vectors = (left + LANES - 1) / LANES;
    int64_t panels = (vectors + 3) / 4, own = panels ? (vectors + panels - 1) / panels : 0;
    return (PANEL){column, left < own * LANES ? left : own * LANES, (int)own};
}

#define FOR_PANELS(g) for (PANEL p = panel_at(g, 0); p.count; p = panel_at(g, p.column + p.count))

INLINE void copy_row(REAL *restrict to, const REAL *restrict from, int64_t count) {
    int64_t whole = count / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES) AT(to + i) = READ(from + i);
    for (int64_t i = whole; i < count; i++) to[i] = from[i];
}

/* Rows of `right`, panel by panel, with zeros up to a whole vector. */
static void pack_right(const GRADIENT *g, const STRIP *s, REAL *packed) {
    FOR_PANELS(g) {
        int64_t size = p.vectors * LANES;
        for (int64_t k = s->start; k < s->start + s->depth; k++, packed += size) {
            int64_t row = g->places ? g->places[k] : k;
            copy_row(packed, (const REAL *)g->right + row * g->right_stride + p.column, p.count);
            for (int64_t i = p.count; i < size; i++) packed[i] = 0;
        }
    }
}

/* Fetch a part of a strip into the second-level cache: its rows are too far apart for the processor
 * to see what comes next. */
INLINE void fetch(const GRADIENT *g, const STRIP *s, int64_t part, int64_t parts) {
    int64_t to = s->depth * (part + 1) / parts;
    for (int64_t k = s->depth * part / parts; k < to; k++)
        for (int64_t i = 0; i < s->rows; i += LANES)
            __builtin_prefetch(s->source + k * g->left_stride + i, 0, 2);
}

/* m rows of the product, n vectors of each: m and n are constants once inlined. */
INLINE void add_block(int m, int n, const REAL *left, const REAL *right, int64_t depth, int begins,
                      REAL *out, int64_t stride, int64_t count) {
    VEC sum[MAX_ROWS][4];
    EACH(i, m) EACH(j, n) sum[i][j] = (VEC){};
    for (int64_t k = 0; k < depth; k++, left += STRIP_ROWS, right += n * LANES) {
        VEC row[4];
        EACH(j, n) row[j] = READ(right + j * LANES);
        EACH(i, m) EACH(j, n) sum[i][j] += left[i] * row[j];
    }
    EACH(i, m) EACH(j, n) {
        REAL *place = out + i * stride + j * LANES;
        int64_t rest = count - j * LANES;
        if (rest >= LANES) {
            if (!begins) sum[i][j] += READ(place);
            AT(place) = sum[i][j];
        } else {
            if (!begins) sum[i][j] += read_part(place, rest, 0);
            memcpy(place, &sum[i][j], sizeof(REAL) * rest);
        }
    }
}

#define ADD_BLOCK(n)                                                                               \
    add_block(M, n, left + i, right, s->depth, begins, out + i * g->columns + p.column, g->columns, \
              p.count)
#define ADD_BLOCKS                                                                                 \
    switch (p.vectors) {                                                                           \
    case 1: ADD_BLOCK(1); break;                                                                   \
    case 2: ADD_BLOCK(2); break;                                                                   \
    case 3: ADD_BLOCK(3); break;                                                                   \
    default: ADD_BLOCK(4);                                                                         \
    }

/* Add a strip's part of the product, while the next strip is fetched. */
static void add_strip(const GRADIENT *g, const STRIP *s, const STRIP *next, const REAL *left,
                      const REAL *right, int begins) {
    REAL *out = (REAL *)g->product + s->row * g->columns;
    int64_t blocks = (s->rows + MAX_ROWS - 1) / MAX_ROWS, vectors = (g->columns + LANES - 1) / LANES;
    int64_t part = 0, parts = blocks * ((vectors + 3) / 4);
    FOR_PANELS(g) {
        for (int64_t i = 0, ahead = blocks, m; i < s->rows; i += m, ahead--) {
            m = (s->rows - i + ahead - 1) / ahead;
            fetch(g, next, part++, parts);
            switch (m) { CASES(ADD_BLOCKS) }
        }
        right += s->depth * p.vectors * LANES;
    }
}

static void add_sums(const STRIP *s, const REAL *left, int begins, REAL *sums) {
    VEC total[STRIP_ROWS / LANES] = {};
    for (int64_t k = 0; k < s->depth; k++)
        EACH(i, STRIP_ROWS / LANES) total[i] += READ(left + k * STRIP_ROWS + i * LANES);
    for (int64_t i = 0; i < s->rows; i++)
        sums[i] = (begins ? 0 : sums[i]) + total[i / LANES][i % LANES];
}

typedef struct {
    const GRADIENT *call;
    int64_t shares;
    int failed;
} GRADIENT_JOB;

/* Some rows of the product, over all tokens. */
static void gradient_share(void *data, int64_t share) {
    GRADIENT_JOB *job = data;
    const GRADIENT *g = job->call;
    int64_t all = g->groups * g->units;
    int64_t from = all * share / job->shares, to = all * (share + 1) / job->shares;
    int64_t room = (g->columns + LANES - 1) / LANES * LANES;
    REAL *left;
    if (posix_memalign((void **)&left, 64, sizeof(REAL) * DEPTH * (STRIP_ROWS + room))) {
        __atomic_store_n(&job->failed, -1, __ATOMIC_RELAXED);
        return;
    }
    REAL *right = left + DEPTH * STRIP_ROWS;
    STRIP next = strip_at(g, 0, from, to);
    while (next.depth > 0) {
        STRIP s = next;
        int begins = s.start == 0 && !g->adds;
        if (s.row == from) pack_right(g, &s, right);
        for (int64_t k = 0; k < s.depth; k++)
            copy_row(left + k * STRIP_ROWS, s.source + k * g->left_stride, s.rows);
        next = s.row + s.rows < to ? strip_at(g, s.start, s.row + s.rows, to)
                                   : strip_at(g, s.start + DEPTH, from, to);
        add_strip(g, &s, &next, left, right, begins);
        add_sums(&s, left, begins, (REAL *)g->sums + s.row);
    }
    free(left);
}

/* Returns 0, or -1 where there is no memory. */
EXPORTED int64_t FUNCTION(rnnlab_gradient)(const GRADIENT *g) {
    int64_t most = (g->groups * g->units + STRIP_ROWS - 1) / STRIP_ROWS;
    GRADIENT_JOB job = {g, g->threads < most ? g->threads : most, 0};
    rnnlab_share_out(g->team, g->threads, job.shares, gradient_share, &job);
    return job.failed;
}
