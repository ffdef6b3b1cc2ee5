#include "base/csv.h"

static bool csv_is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"' || c == ',' || c == '\n' || c == '\r')
            return false;
    }
    return text.len > 0;
}

void csv_append(struct buf *buf, struct str text)
{
    if (csv_is_plain(text))
        buf_append_str(buf, text);
    else
        buf_append_quoted(buf, text, '"');
}
