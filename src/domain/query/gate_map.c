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
#define GATE_MAP_COLUMN ", column "

/* A number that fits, and what follows it. */
static bool gate_map_number(struct str *rest, int *number_out)
{
    size_t digits = 0;
    int64_t number;
    while (digits < rest->len && rest->ptr[digits] >= '0' && rest->ptr[digits] <= '9')
        digits++;
    if (!str_to_i64(str_slice(*rest, 0, digits), &number) || number > INT_MAX)
        return false;
    *rest = str_from_index(*rest, digits);
    *number_out = (int)number;
    return true;
}

bool gate_find_place(struct err *error, char **at_out, int *line_out, int *column_out)
{
    const struct str comma = S(GATE_MAP_COLUMN);
    char *place = NULL;
    for (char *next = error->message; (next = strstr(next, GATE_MAP_LINE)); next++)
        place = next;
    int line, column = 0;
    struct str rest = place ? str_from(place + sizeof(GATE_MAP_LINE) - 1) : S("");
    if (!place || !gate_map_number(&rest, &line))
        return false;
    bool has_column = str_starts_with(rest, comma);
    rest = has_column ? str_from_index(rest, comma.len) : rest;
    if ((has_column && !gate_map_number(&rest, &column)) || !str_equal(rest, S(")")))
        return false;
    *at_out = place;
    *line_out = line;
    *column_out = column;
    return true;
}

void gate_map_error(const struct gate_result *result, struct str sql, struct err *error)
{
    int line, column;
    char *place;
    if (!gate_find_place(error, &place, &line, &column) || column == 0)
        return;
    gate_position(sql, gate_map_offset(result, gate_map_place(result->sql, line, column)), &line, &column);
    snprintf(place, sizeof(error->message) - (size_t)(place - error->message), " (line %d, column %d)", line, column);
}
