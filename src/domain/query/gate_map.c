/* From places in the text that ran back to those in the user's. */
#include <limits.h>
#include <stdio.h>

#include "domain/query/gate.h"
#include "domain/query/gate_priv.h"

size_t gate_map_offset(const struct gate_result *result, size_t offset)
{
    size_t added = 0, removed = 0; /* by the edits before */
    for (size_t i = 0; i < result->edit_count; i++) {
        const struct gate_edit *edit = &result->edits[i];
        size_t len = strlen(edit->text), begins = edit->at + added - removed;
        if (offset <= begins)
            break;
        if (offset < begins + len) { /* inside: a letter of a quoted name is one further on */
            size_t inside = offset - begins - (edit->text[0] == '"');
            return edit->at + (inside < edit->len ? inside : edit->len - (edit->len > 0));
        }
        added += len;
        removed += edit->len;
    }
    return offset + removed - added;
}

void gate_position(struct str sql, size_t offset, int *line_out, int *column_out)
{
    *line_out = *column_out = 1;
    for (size_t i = 0; i < offset && i < sql.len; i++) {
        if (sql.ptr[i] == '\n') {
            ++*line_out;
            *column_out = 1;
        } else if (((unsigned char)sql.ptr[i] & 0xC0) != 0x80) {
            ++*column_out;
        }
    }
}

/* The other way; behind the text's end for a place that it does not have. */
static size_t gate_map_place(struct str sql, int line, int column)
{
    size_t offset = 0;
    for (; offset < sql.len && line > 1; offset++)
        line -= sql.ptr[offset] == '\n';
    while (offset < sql.len && column > 1) {
        offset++;
        column -= offset == sql.len || ((unsigned char)sql.ptr[offset] & 0xC0) != 0x80;
    }
    return offset;
}

#define GATE_MAP_LINE " (line "
#define GATE_MAP_COLUMN " column "

/* " (line 1, column 8)" and nothing behind it. */
static bool gate_map_parse(struct str text, int *line_out, int *column_out)
{
    struct str rest = str_from_index(text, sizeof(GATE_MAP_LINE) - 1), first, second;
    int64_t line, column;
    if (!str_ends_with(rest, S(")")) || !str_split_next(&rest, ',', &first) ||
        !str_starts_with(rest, S(GATE_MAP_COLUMN)))
        return false;
    second = str_slice(rest, sizeof(GATE_MAP_COLUMN) - 1, rest.len - sizeof(GATE_MAP_COLUMN));
    if (!str_to_i64(first, &line) || !str_to_i64(second, &column) || line > INT_MAX || column > INT_MAX)
        return false;
    *line_out = (int)line;
    *column_out = (int)column;
    return true;
}

void gate_map_error(const struct gate_result *result, struct str sql, struct err *error)
{
    int line, column;
    char *place = NULL;
    for (char *next = error->message; (next = strstr(next, GATE_MAP_LINE)); next++)
        place = next;
    if (!place || !gate_map_parse(str_from(place), &line, &column))
        return;
    gate_position(sql, gate_map_offset(result, gate_map_place(result->sql, line, column)), &line, &column);
    snprintf(place, sizeof(error->message) - (size_t)(place - error->message), " (line %d, column %d)", line, column);
}
