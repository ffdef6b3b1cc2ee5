/* Schema messages of many tables: the type of a column is a copy of one that was encoded before, and metadata that
 * columns share is written once in a message. arrow_message_schema does the same for one schema of any origin. */
#pragma once
#include "base/buf.h"

struct arrow_fields;
struct arrow_fields *arrow_fields_new(void);
/* Accepts NULL inside. */
void arrow_fields_free(struct arrow_fields **fields);

struct arrow_pair {
    const char *key; /* a literal */
    struct str value;
};

/* Adds a column. type: the flatbuffer of a Schema message whose first field it resembles, but for name, nullability
 * and these pairs, which follow the pairs that the field has; 8-byte aligned, and our own, so nothing is checked. The
 * pairs are borrowed until arrow_fields_take. */
void arrow_fields_add(struct arrow_fields *fields, struct str name, bool nullable, struct str type,
                      const struct arrow_pair *pairs, size_t pair_count);
/* Appends the flatbuffer of the Schema message of the columns so far, and begins the next one. */
void arrow_fields_take(struct arrow_fields *fields, struct buf *flatbuffer);
