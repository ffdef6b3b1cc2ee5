/* Text as a terminal shows it: how many cells it takes, and a form of it that cannot move the cursor, change colours
 * or start a new line. Assumes UTF-8; bytes that are not UTF-8 are shown as U+FFFD. */
#pragma once
#include "base/buf.h"

/* Appends the text with control characters written as escapes (\n, \t, \x1B); direction overrides too. */
void cli_text_clean(struct buf *out, struct str text);

/* Cells that clean text takes: 0 for combining marks, 2 for East Asian wide characters and emoji, else 1. */
size_t cli_text_width(struct str clean);

/* The longest prefix of clean text that takes at most `cells`; its width through width_out. */
struct str cli_text_cut(struct str clean, size_t cells, size_t *width_out);

/* 1234567 → 1,234,567. */
void cli_text_number(struct buf *out, uint64_t number);
/* 1536 → 1.5 kB in powers of 1000, with three digits. */
void cli_text_bytes(struct buf *out, double bytes);
/* 0.0123 s → 12 ms; 75 s → 1 min 15 s. */
void cli_text_duration(struct buf *out, int64_t duration_us);
