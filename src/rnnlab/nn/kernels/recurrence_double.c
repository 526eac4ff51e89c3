/* The recurrence in double. */

#include "type_double.h"

#include "recurrence_body.h"
