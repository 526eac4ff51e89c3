/* Softmax and its gradient in float. */

#include "type_float.h"

#include "softmax_body.h"
