#include "platform/arrow/sql_shape.h"

#define SHAPE(table)                            \
    {                                           \
        table, sizeof(table) / sizeof(table[0]) \
    }
#define CHILDREN(table) .children = table, .child_count = sizeof(table) / sizeof(table[0])

static const struct arrow_column arrow_catalog_columns[] = {{"catalog_name", "u"}};
const struct arrow_shape arrow_sql_catalogs = SHAPE(arrow_catalog_columns);

static const struct arrow_column arrow_schema_columns[] = {{"catalog_name", "u", true}, {"db_schema_name", "u"}};
const struct arrow_shape arrow_sql_schemas = SHAPE(arrow_schema_columns);

static const struct arrow_column arrow_table_columns[] = {
    {"catalog_name", "u", true}, {"db_schema_name", "u", true}, {"table_name", "u"},
    {"table_type", "u"},         {"table_schema", "z"},
};
const struct arrow_shape arrow_sql_tables = {arrow_table_columns, 4};
const struct arrow_shape arrow_sql_tables_with_schema = SHAPE(arrow_table_columns);

static const struct arrow_column arrow_table_type_columns[] = {{"table_type", "u"}};
const struct arrow_shape arrow_sql_table_types = SHAPE(arrow_table_type_columns);

static const struct arrow_column arrow_primary_key_columns[] = {
    {"catalog_name", "u", true}, {"db_schema_name", "u", true}, {"table_name", "u"},
    {"column_name", "u"},        {"key_sequence", "i"},         {"key_name", "u", true},
};
const struct arrow_shape arrow_sql_primary_keys = SHAPE(arrow_primary_key_columns);

static const struct arrow_column arrow_foreign_key_columns[] = {
    {"pk_catalog_name", "u", true}, {"pk_db_schema_name", "u", true}, {"pk_table_name", "u"},
    {"pk_column_name", "u"},        {"fk_catalog_name", "u", true},   {"fk_db_schema_name", "u", true},
    {"fk_table_name", "u"},         {"fk_column_name", "u"},          {"key_sequence", "i"},
    {"fk_key_name", "u", true},     {"pk_key_name", "u", true},       {"update_rule", "C"},
    {"delete_rule", "C"},
};
const struct arrow_shape arrow_sql_foreign_keys = SHAPE(arrow_foreign_key_columns);

static const struct arrow_column arrow_text_item[] = {{"item", "u", true}};
static const struct arrow_column arrow_number_item[] = {{"item", "i", true}};
static const struct arrow_column arrow_map_pair[] = {{"key", "i"}, {"value", "+l", true, CHILDREN(arrow_number_item)}};
static const struct arrow_column arrow_map_entries[] = {{"entries", "+s", CHILDREN(arrow_map_pair)}};
static const struct arrow_column arrow_info_values[] = {
    [ARROW_SQL_STRING] = {"string_value", "u"},
    [ARROW_SQL_BOOL] = {"bool_value", "b"},
    [ARROW_SQL_BIGINT] = {"bigint_value", "l"},
    [ARROW_SQL_INT32] = {"int32_bitmask", "i"},
    [ARROW_SQL_STRINGS] = {"string_list", "+l", CHILDREN(arrow_text_item)},
    [ARROW_SQL_MAP] = {"int32_to_int32_list_map", "+m", CHILDREN(arrow_map_entries)},
};
static const struct arrow_column arrow_info_columns[] = {
    {"info_name", "I"},
    {"value", "+ud:0,1,2,3,4,5", CHILDREN(arrow_info_values)},
};
const struct arrow_shape arrow_sql_info = SHAPE(arrow_info_columns);

static const struct arrow_column arrow_parameter_item[] = {{"item", "u"}};
static const struct arrow_column arrow_xdbc_columns[] = {
    {"type_name", "u"},
    {"data_type", "i"},
    {"column_size", "i", true},
    {"literal_prefix", "u", true},
    {"literal_suffix", "u", true},
    {"create_params", "+l", true, CHILDREN(arrow_parameter_item)},
    {"nullable", "i"},
    {"case_sensitive", "b"},
    {"searchable", "i"},
    {"unsigned_attribute", "b", true},
    {"fixed_prec_scale", "b"},
    {"auto_increment", "b", true},
    {"local_type_name", "u", true},
    {"minimum_scale", "i", true},
    {"maximum_scale", "i", true},
    {"sql_data_type", "i"},
    {"datetime_subcode", "i", true},
    {"num_prec_radix", "i", true},
    {"interval_precision", "i", true},
};
const struct arrow_shape arrow_sql_xdbc_types = SHAPE(arrow_xdbc_columns);
