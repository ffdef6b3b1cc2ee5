/* Values as text, the way DuckDB casts them to VARCHAR. Each appends to the buffer. */
#pragma once
#include "base/buf.h"
#include "platform/engine/symbols.h"

void engine_print_i64(struct buf *buf, int64_t value);
void engine_print_u64(struct buf *buf, uint64_t value);
void engine_print_i128(struct buf *buf, __int128 value);
void engine_print_u128(struct buf *buf, unsigned __int128 value);
/* value / 10^scale */
void engine_print_decimal(struct buf *buf, __int128 value, int scale);
/* The shortest text that reads back as the same number; always with a point or an exponent. inf, -inf, nan. */
void engine_print_double(struct buf *buf, double value);
void engine_print_float(struct buf *buf, float value);

void engine_print_date(struct buf *buf, int32_t days);
/* Time of day in units of 1/per_second. */
void engine_print_time(struct buf *buf, int64_t value, int64_t per_second);
void engine_print_time_tz(struct buf *buf, uint64_t bits);
void engine_print_timestamp(struct buf *buf, int64_t value, int64_t per_second);
void engine_print_interval(struct buf *buf, duckdb_interval interval);

/* Printable ASCII as it is, other bytes as \xHH. */
void engine_print_blob(struct buf *buf, const uint8_t *bytes, size_t len);
void engine_print_bits(struct buf *buf, const uint8_t *bytes, size_t len);
void engine_print_bignum(struct buf *buf, const uint8_t *bytes, size_t len);
void engine_print_hex(struct buf *buf, const uint8_t *bytes, size_t len);
