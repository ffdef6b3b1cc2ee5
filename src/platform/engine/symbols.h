/* DuckDB's C API, found with dlopen: one table of function pointers, called as engine_db.fetch_chunk(result). Filled
 * once by engine_symbols_load and read only after that. */
#pragma once
#include <duckdb.h>

#include "base/err.h"

/* SYMBOL(name): duckdb_<name>. */
#define ENGINE_SYMBOLS(SYMBOL)                     \
    SYMBOL(library_version)                        \
    SYMBOL(free)                                   \
    SYMBOL(create_config)                          \
    SYMBOL(set_config)                             \
    SYMBOL(destroy_config)                         \
    SYMBOL(open_ext)                               \
    SYMBOL(close)                                  \
    SYMBOL(connect)                                \
    SYMBOL(disconnect)                             \
    SYMBOL(interrupt)                              \
    SYMBOL(query)                                  \
    SYMBOL(destroy_result)                         \
    SYMBOL(result_error)                           \
    SYMBOL(result_error_type)                      \
    SYMBOL(rows_changed)                           \
    SYMBOL(column_count)                           \
    SYMBOL(column_name)                            \
    SYMBOL(column_logical_type)                    \
    SYMBOL(result_return_type)                     \
    SYMBOL(fetch_chunk)                            \
    SYMBOL(extract_statements)                     \
    SYMBOL(extract_statements_error)               \
    SYMBOL(prepare_extracted_statement)            \
    SYMBOL(destroy_extracted)                      \
    SYMBOL(prepare)                                \
    SYMBOL(prepare_error)                          \
    SYMBOL(destroy_prepare)                        \
    SYMBOL(prepared_statement_type)                \
    SYMBOL(prepared_statement_column_count)        \
    SYMBOL(prepared_statement_column_name)         \
    SYMBOL(prepared_statement_column_logical_type) \
    SYMBOL(nparams)                                \
    SYMBOL(parameter_name)                         \
    SYMBOL(bind_null)                              \
    SYMBOL(bind_boolean)                           \
    SYMBOL(bind_double)                            \
    SYMBOL(bind_varchar_length)                    \
    SYMBOL(param_type)                             \
    SYMBOL(param_logical_type)                     \
    SYMBOL(bind_value)                             \
    SYMBOL(create_null_value)                      \
    SYMBOL(create_bool)                            \
    SYMBOL(create_int8)                            \
    SYMBOL(create_int16)                           \
    SYMBOL(create_int32)                           \
    SYMBOL(create_int64)                           \
    SYMBOL(create_uint8)                           \
    SYMBOL(create_uint16)                          \
    SYMBOL(create_uint32)                          \
    SYMBOL(create_uint64)                          \
    SYMBOL(create_float)                           \
    SYMBOL(create_double)                          \
    SYMBOL(create_decimal)                         \
    SYMBOL(create_date)                            \
    SYMBOL(create_time)                            \
    SYMBOL(create_time_ns)                         \
    SYMBOL(create_timestamp)                       \
    SYMBOL(create_timestamp_tz)                    \
    SYMBOL(create_timestamp_s)                     \
    SYMBOL(create_timestamp_ms)                    \
    SYMBOL(create_timestamp_ns)                    \
    SYMBOL(create_interval)                        \
    SYMBOL(create_blob)                            \
    SYMBOL(create_varchar_length)                  \
    SYMBOL(create_list_value)                      \
    SYMBOL(create_array_value)                     \
    SYMBOL(create_map_value)                       \
    SYMBOL(create_struct_value)                    \
    SYMBOL(get_list_child)                         \
    SYMBOL(destroy_value)                          \
    SYMBOL(create_logical_type)                    \
    SYMBOL(create_decimal_type)                    \
    SYMBOL(create_list_type)                       \
    SYMBOL(create_array_type)                      \
    SYMBOL(create_map_type)                        \
    SYMBOL(create_struct_type)                     \
    SYMBOL(query_progress)                         \
    SYMBOL(pending_prepared_streaming)             \
    SYMBOL(pending_execute_task)                   \
    SYMBOL(pending_error)                          \
    SYMBOL(execute_pending)                        \
    SYMBOL(execute_prepared)                       \
    SYMBOL(destroy_pending)                        \
    SYMBOL(create_data_chunk)                      \
    SYMBOL(destroy_data_chunk)                     \
    SYMBOL(data_chunk_get_size)                    \
    SYMBOL(data_chunk_set_size)                    \
    SYMBOL(data_chunk_get_vector)                  \
    SYMBOL(vector_get_data)                        \
    SYMBOL(vector_get_validity)                    \
    SYMBOL(vector_reference_vector)                \
    SYMBOL(list_vector_get_child)                  \
    SYMBOL(struct_vector_get_child)                \
    SYMBOL(array_vector_get_child)                 \
    SYMBOL(destroy_logical_type)                   \
    SYMBOL(get_type_id)                            \
    SYMBOL(logical_type_get_alias)                 \
    SYMBOL(decimal_width)                          \
    SYMBOL(decimal_scale)                          \
    SYMBOL(decimal_internal_type)                  \
    SYMBOL(enum_internal_type)                     \
    SYMBOL(enum_dictionary_size)                   \
    SYMBOL(enum_dictionary_value)                  \
    SYMBOL(list_type_child_type)                   \
    SYMBOL(array_type_child_type)                  \
    SYMBOL(array_type_array_size)                  \
    SYMBOL(map_type_key_type)                      \
    SYMBOL(map_type_value_type)                    \
    SYMBOL(struct_type_child_count)                \
    SYMBOL(struct_type_child_name)                 \
    SYMBOL(struct_type_child_type)                 \
    SYMBOL(union_type_member_count)                \
    SYMBOL(union_type_member_name)                 \
    SYMBOL(union_type_member_type)                 \
    SYMBOL(connection_get_arrow_options)           \
    SYMBOL(destroy_arrow_options)                  \
    SYMBOL(to_arrow_schema)                        \
    SYMBOL(data_chunk_to_arrow)                    \
    SYMBOL(arrow_scan)                             \
    SYMBOL(error_data_has_error)                   \
    SYMBOL(error_data_error_type)                  \
    SYMBOL(error_data_message)                     \
    SYMBOL(connection_get_client_context)          \
    SYMBOL(destroy_client_context)                 \
    SYMBOL(client_context_get_catalog)             \
    SYMBOL(catalog_get_entry)                      \
    SYMBOL(catalog_entry_get_type)                 \
    SYMBOL(catalog_entry_get_name)                 \
    SYMBOL(destroy_catalog_entry)                  \
    SYMBOL(destroy_catalog)                        \
    SYMBOL(destroy_error_data)

struct engine_symbols {
#define ENGINE_SYMBOL_FIELD(name) __typeof__(&duckdb_##name) name;
    ENGINE_SYMBOLS(ENGINE_SYMBOL_FIELD)
#undef ENGINE_SYMBOL_FIELD
};

extern struct engine_symbols engine_db;

/* Loads the library once per process; a second call with any path does nothing. */
bool engine_symbols_load(struct str library, struct err *err) MUST_USE;
