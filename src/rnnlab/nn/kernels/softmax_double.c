/* Softmax and its gradient in double. */

#include "type_double.h"

#include "softmax_body.h"
