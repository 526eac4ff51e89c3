/* Gradients of weight matrices in float. */

#include "type_float.h"

#include "gradients_body.h"
