/* Between decoding of a batch's structure and checking of its values. */
#pragma once
#include "platform/arrow/batch.h"

/* Values of a column whose buffers are long enough already. Each sets *err naming the column. */

/* count + 1 offsets of 4 or 8 bytes rise from >= 0 to <= limit. */
bool arrow_check_offsets(const struct arrow_field *field, const void *offsets, int64_t count, int64_t limit,
                         struct err *err) MUST_USE;
/* Offsets checked before; texts that are not NULL are UTF-8. */
bool arrow_check_texts(const struct arrow_field *field, const struct ArrowArray *array, struct err *err) MUST_USE;
/* 16-byte views into data_count buffers whose sizes are given. */
bool arrow_check_views(const struct arrow_field *field, const struct ArrowArray *array, const void *const *data,
                       const int64_t *sizes, int64_t data_count, struct err *err) MUST_USE;
bool arrow_check_list_views(const struct arrow_field *field, const struct ArrowArray *array, int64_t limit,
                            struct err *err) MUST_USE;
bool arrow_check_decimals(const struct arrow_field *field, const struct ArrowArray *array, struct err *err) MUST_USE;
/* Indexes of values that are not NULL lie in [0, limit). */
bool arrow_check_indexes(const struct arrow_field *field, const struct ArrowArray *array, int64_t limit,
                         struct err *err) MUST_USE;
bool arrow_check_union(const struct arrow_field *field, const struct ArrowArray *array, struct err *err) MUST_USE;
/* Ends rise and the last reaches length. */
bool arrow_check_runs(const struct arrow_field *field, const struct ArrowArray *array, struct err *err) MUST_USE;
