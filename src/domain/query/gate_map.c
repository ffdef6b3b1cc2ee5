/* From places in the text that ran back to those in the user's. */
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

void gate_map_error(const struct gate_result *result, struct str sql, struct err *error)
{
    static const char mark[] = " (line ";
    int line, column, end = 0;
    char *place = NULL;
    for (char *next = error->message; (next = strstr(next, mark)); next++)
        place = next;
    if (!place || sscanf(place, " (line %d, column %d)%n", &line, &column, &end) != 2 || end == 0 || place[end])
        return;
    gate_position(sql, gate_map_offset(result, gate_map_place(result->sql, line, column)), &line, &column);
    snprintf(place, sizeof(error->message) - (size_t)(place - error->message), " (line %d, column %d)", line, column);
}
