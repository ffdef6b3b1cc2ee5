/* The rules, and their recursion into nested types. */
#include "platform/engine/widening.h"

#include <string.h>
#include <strings.h>

/* Whole numbers: bits without the sign. */
static const struct {
    duckdb_type type;
    int bits;
    bool is_signed;
    int digits; /* that its largest value has */
} engine_integers[] = {
    {DUCKDB_TYPE_TINYINT, 7, true, 3},      {DUCKDB_TYPE_SMALLINT, 15, true, 5},   {DUCKDB_TYPE_INTEGER, 31, true, 10},
    {DUCKDB_TYPE_BIGINT, 63, true, 19},     {DUCKDB_TYPE_HUGEINT, 127, true, 39},  {DUCKDB_TYPE_UTINYINT, 8, false, 3},
    {DUCKDB_TYPE_USMALLINT, 16, false, 5},  {DUCKDB_TYPE_UINTEGER, 32, false, 10}, {DUCKDB_TYPE_UBIGINT, 64, false, 20},
    {DUCKDB_TYPE_UHUGEINT, 128, false, 39},
};

/* Single steps without parameters. */
static const struct {
    duckdb_type from, to;
} engine_steps[] = {
    {DUCKDB_TYPE_FLOAT, DUCKDB_TYPE_DOUBLE},
    {DUCKDB_TYPE_DATE, DUCKDB_TYPE_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_S, DUCKDB_TYPE_TIMESTAMP_MS},
    {DUCKDB_TYPE_TIMESTAMP_S, DUCKDB_TYPE_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_MS, DUCKDB_TYPE_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_S, DUCKDB_TYPE_TIMESTAMP_NS},
    {DUCKDB_TYPE_TIMESTAMP_MS, DUCKDB_TYPE_TIMESTAMP_NS},
    {DUCKDB_TYPE_TIMESTAMP, DUCKDB_TYPE_TIMESTAMP_NS},
    {DUCKDB_TYPE_TIME, DUCKDB_TYPE_TIME_NS},
    {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_UUID},
    {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_ENUM},
};

static int engine_integer_find(duckdb_type type)
{
    for (size_t i = 0; i < sizeof(engine_integers) / sizeof(engine_integers[0]); i++)
        if (engine_integers[i].type == type)
            return (int)i;
    return -1;
}

static bool engine_widening_integer(int from, duckdb_type to_id, duckdb_logical_type to)
{
    int target = engine_integer_find(to_id);
    if (target >= 0 && engine_integers[from].is_signed && !engine_integers[target].is_signed)
        return false;
    if (target >= 0)
        return engine_integers[target].bits >= engine_integers[from].bits;
    if (to_id == DUCKDB_TYPE_DECIMAL)
        return engine_db.decimal_width(to) - engine_db.decimal_scale(to) >= engine_integers[from].digits;
    if (to_id == DUCKDB_TYPE_DOUBLE)
        return engine_integers[from].bits <= 53;
    return to_id == DUCKDB_TYPE_FLOAT && engine_integers[from].bits <= 24;
}

static bool engine_widening_decimal(duckdb_logical_type from, duckdb_type to_id, duckdb_logical_type to)
{
    int scale = engine_db.decimal_scale(from), whole = engine_db.decimal_width(from) - scale;
    if (to_id == DUCKDB_TYPE_DECIMAL)
        return engine_db.decimal_scale(to) >= scale &&
               engine_db.decimal_width(to) - engine_db.decimal_scale(to) >= whole;
    int target = engine_integer_find(to_id);
    return target >= 0 && scale == 0 && (to_id == DUCKDB_TYPE_HUGEINT || to_id == DUCKDB_TYPE_UHUGEINT);
}

/* Compares and frees two children. */
static bool engine_widening_child(duckdb_logical_type from, duckdb_logical_type to)
{
    bool fits = from && to && engine_widening(from, to);
    engine_db.destroy_logical_type(&from);
    engine_db.destroy_logical_type(&to);
    return fits;
}

static bool engine_widening_struct(duckdb_logical_type from, duckdb_logical_type to)
{
    idx_t count = engine_db.struct_type_child_count(from);
    if (count != engine_db.struct_type_child_count(to))
        return false;
    for (idx_t i = 0; i < count; i++) {
        char *a = engine_db.struct_type_child_name(from, i), *b = engine_db.struct_type_child_name(to, i);
        bool same = strcasecmp(a, b) == 0;
        engine_db.free(a);
        engine_db.free(b);
        if (!same ||
            !engine_widening_child(engine_db.struct_type_child_type(from, i), engine_db.struct_type_child_type(to, i)))
            return false;
    }
    return true;
}

static bool engine_widening_nested(duckdb_type id, duckdb_logical_type from, duckdb_logical_type to)
{
    if (id == DUCKDB_TYPE_LIST)
        return engine_widening_child(engine_db.list_type_child_type(from), engine_db.list_type_child_type(to));
    if (id == DUCKDB_TYPE_ARRAY)
        return engine_db.array_type_array_size(from) == engine_db.array_type_array_size(to) &&
               engine_widening_child(engine_db.array_type_child_type(from), engine_db.array_type_child_type(to));
    if (id == DUCKDB_TYPE_MAP)
        return engine_widening_child(engine_db.map_type_key_type(from), engine_db.map_type_key_type(to)) &&
               engine_widening_child(engine_db.map_type_value_type(from), engine_db.map_type_value_type(to));
    return id == DUCKDB_TYPE_STRUCT && engine_widening_struct(from, to);
}

bool engine_widening(duckdb_logical_type from, duckdb_logical_type to)
{
    duckdb_type a = engine_db.get_type_id(from), b = engine_db.get_type_id(to);
    int integer = engine_integer_find(a);
    if (a == DUCKDB_TYPE_SQLNULL)
        return true;
    if (integer >= 0)
        return engine_widening_integer(integer, b, to);
    if (a == DUCKDB_TYPE_DECIMAL)
        return engine_widening_decimal(from, b, to);
    for (size_t i = 0; i < sizeof(engine_steps) / sizeof(engine_steps[0]); i++)
        if (engine_steps[i].from == a && engine_steps[i].to == b)
            return true;
    if (a != b)
        return false;
    bool nested = a == DUCKDB_TYPE_LIST || a == DUCKDB_TYPE_ARRAY || a == DUCKDB_TYPE_MAP || a == DUCKDB_TYPE_STRUCT;
    /* A union's or enum's equal id says nothing about its members; equal type names were accepted before. */
    return nested ? engine_widening_nested(a, from, to) : a != DUCKDB_TYPE_ENUM && a != DUCKDB_TYPE_UNION;
}
