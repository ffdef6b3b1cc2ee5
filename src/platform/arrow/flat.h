/* Reading of flatbuffers that nobody vouches for: every access is checked against the buffer, a bad one sets `failed`
 * and gives zero, and the number of tables is bounded, because a small hostile buffer can refer to the same table often
 * enough to keep any walker, a verifier too, busy for years. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arrow_flat {
    const uint8_t *base;
    size_t size;
    size_t tables_left;
    bool failed;
};

/* A table of the buffer; at == 0: absent. */
struct arrow_flat_table {
    uint32_t at;
};

struct arrow_flat_vector {
    size_t start; /* of the first element */
    size_t count;
};

struct arrow_flat arrow_flat_from(struct str bytes, size_t tables_max);
struct arrow_flat_table arrow_flat_root(struct arrow_flat *flat);

/* Scalars by the field's number; absent fields give the default of the schema. */
int64_t arrow_flat_i64(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field, int64_t absent);
int32_t arrow_flat_i32(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field, int32_t absent);
int16_t arrow_flat_i16(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field, int16_t absent);
uint8_t arrow_flat_u8(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field, uint8_t absent);

/* References; absent ones give 0 or an empty value. */
struct arrow_flat_table arrow_flat_child(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field);
struct str arrow_flat_text(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field);
/* Elements of item_size bytes each; all of them lie inside the buffer. */
struct arrow_flat_vector arrow_flat_vector_at(struct arrow_flat *flat, struct arrow_flat_table table, unsigned field,
                                              size_t item_size);
/* Element of a vector of tables. */
struct arrow_flat_table arrow_flat_item(struct arrow_flat *flat, struct arrow_flat_vector vector, size_t index);
/* Element of a vector of numbers or structs; the caller knows its size. */
const uint8_t *arrow_flat_bytes(const struct arrow_flat *flat, struct arrow_flat_vector vector, size_t index,
                                size_t item_size);
