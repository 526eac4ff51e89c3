/* Row-wise gradients in float. */

#include "type_float.h"

#include "rows_body.h"
