/* Row-wise gradients in double. */

#include "type_double.h"

#include "rows_body.h"
