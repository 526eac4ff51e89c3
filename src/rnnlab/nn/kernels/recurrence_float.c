/* The recurrence in float. */

#include "type_float.h"

#include "recurrence_body.h"
