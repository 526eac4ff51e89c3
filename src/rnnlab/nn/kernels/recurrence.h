/* Exact recurrence over sequences of different lengths, without padding, for CPUs.
 *
 * RNN, LSTM and GRU (reset gate after or before the product), forward and backward, in float and
 * double. The large matrix products (inputs to gates, weight gradients) are the caller's; what is
 * here is the part that has to go step by step. A thread takes its own sequences, or its own
 * direction, through all time steps, so threads never wait for one another. The product with the
 * recurrent weights and the cell's elementwise functions are one pass, with the sums in registers.
 *
 * Layout. Tokens of all sequences follow one another: row offsets[b] + t is token t of sequence b.
 * Widths are the number of units rounded up to a multiple of 64 bytes; what is beyond the units is
 * never read back into them.
 *   inputs      [any][gates x width]      inputs times weights: of token i in row places[i], or in
 *                                         row i where there are no places; it may be `gates` then
 *   gates       [tokens][gates x width]   out: gates after their activation (if `keep`)
 *   bias        [gates][width]            of inputs and states together; for the GRU one row more:
 *                                         the candidate's inside the reset gate
 *   out, extra  [tokens + batch][width]   states; rows from `tokens` on hold the initial ones.
 *               extra is the LSTM's cell, U h + b of the GRU's candidate, or the GRU's reset state
 *   weight      [gates x units][units]    as torch has it
 *   grad_*      the same shapes; grad_final and carry are [batch][width]. carry starts as the
 *               gradient of the final cell state (LSTM) and ends as that of the initial state's
 *               share that does not go through a matrix
 * Gate order: LSTM input, forget, candidate, output; GRU reset, update, candidate.
 */

#ifndef RNNLAB_RECURRENCE_H
#define RNNLAB_RECURRENCE_H

#include <stdint.h>

#include "team.h"
#include "vectors.h"

enum { RNN, LSTM, GRU, GRU_BEFORE };

typedef struct {
    int64_t cell, activation, units, width, reverse, keep;
    int64_t gates_stride, state_stride; /* of rows, in numbers */
    const void *weight, *bias, *inputs;
    void *gates, *out, *extra;
    const void *grad_out, *grad_final;
    void *grad_gates, *grad_extra, *carry;
} DIRECTION;

typedef struct {
    int64_t tokens, batch, directions, threads, backward;
    const int64_t *order, *offsets, *lengths; /* order: of falling length */
    const int64_t *places;
    const DIRECTION *each;
    TEAM team;
} BATCH;

#endif
