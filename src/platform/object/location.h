/* Names of places where files lie, as clients write them: "file:///dir", "file:/dir", "/dir" or "s3://bucket/key".
 * Pure; no I/O, any thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* The one form that all engines understand: "file:///dir" or "s3://bucket/key", no slash at the end. ERR_INVALID for
 * another scheme or host, for "." and ".." between slashes, and for control characters. */
bool location_normal(struct arena *arena, struct str location, struct str *normal_out, struct err *err) MUST_USE;
/* location is of that form; it lies below root (not root itself). */
bool location_is_below(struct str root, struct str location);
/* Any form; ERR_INVALID unless it lies below root. */
bool location_check(struct arena *arena, struct str root, struct str location, struct err *err) MUST_USE;
/* "<parent>/<name>", what is no letter, digit, "-", "." or "_" in the name replaced by "_". */
struct str location_join(struct arena *arena, struct str parent, struct str name);
