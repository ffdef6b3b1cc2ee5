/* "Did you mean": the known name that a mistyped one probably means. */
#pragma once
#include "base/str.h"

/* Longer names have no nearest one. */
#define NEAREST_NAME_MAX 64

/* One of the NULL-terminated list, or NULL when none is near. Case does not count. */
const char *nearest_name(struct str name, const char *const *known);
