/* Smallest and largest values of a column as Iceberg keeps them in manifests (format/spec.md, Appendix D:
 * "Single-value serialization"). Pure. */
#pragma once
#include "base/arena.h"

/* The SQL type whose minimum is to be asked for, or NULL: nothing is kept of columns of this type. type: Iceberg's, as
 * in a schema. */
const char *maintain_bound_sql_type(struct str type);

/* value: what DuckDB prints of it; days, micro- or nanoseconds since 1970 of moments. Hexadecimal in the arena, or
 * empty: not known. Texts are cut to 16 characters, the upper one is raised then. */
struct str maintain_bound_hex(struct arena *arena, struct str type, struct str value, bool upper);
