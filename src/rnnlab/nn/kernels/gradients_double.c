/* Gradients of weight matrices in double. */

#include "type_double.h"

#include "gradients_body.h"
