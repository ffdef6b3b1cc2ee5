#include "domain/query/redact.h"

#include "base/buf.h"
#include "domain/query/lexer.h"

static const char *const redact_words[] = {"password", "passwd", "secret", "token", "credential", "api_key", "apikey"};

/* A text, at most so many signs behind the word, is what the word names: PASSWORD 'x', password = 'x', (token, 'x'). */
#define REDACT_REACH 3

/* Every statement passes here, so most places are told apart by one letter. */
static bool redact_names_secret(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        for (size_t w = 0; w < sizeof(redact_words) / sizeof(redact_words[0]); w++) {
            if ((text.ptr[i] | 0x20) != redact_words[w][0])
                continue;
            struct str word = str_from(redact_words[w]);
            if (str_equal_nocase(str_slice(text, i, word.len), word))
                return true;
        }
    }
    return false;
}

static struct str redact_cut(struct str text, size_t len)
{
    if (text.len <= len)
        return text;
    while (len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return str_slice(text, 0, len);
}

struct str query_redact(struct arena *arena, struct str sql, size_t len_max)
{
    if (!redact_names_secret(redact_cut(sql, len_max)))
        return redact_cut(sql, len_max);
    AUTO(buf) struct buf shown = {0};
    struct lexer lexer = {.text = sql, .wide_spaces = true};
    size_t from = 0;
    int reach = 0; /* signs that may still come between the word and its text */
    while (buf_len(&shown) < len_max) {
        struct lexer_token token = lexer_next(&lexer);
        if (token.kind == LEXER_END || token.kind == LEXER_ERROR)
            break;
        struct str text = str_slice(sql, token.start, token.len);
        bool is_name = token.kind == LEXER_WORD || token.kind == LEXER_QUOTED;
        if (token.kind == LEXER_STRING && reach > 0) {
            buf_append_str(&shown, str_slice(sql, from, token.start - from));
            buf_append_str(&shown, S("'***'"));
            from = token.start + token.len;
        }
        if (token.kind != LEXER_NUMBER && redact_names_secret(text))
            reach = REDACT_REACH;
        else
            reach = is_name || token.kind == LEXER_OPERATOR ? reach - 1 : 0;
    }
    buf_append_str(&shown, str_from_index(sql, from));
    return str_copy(arena, redact_cut(buf_str(&shown), len_max));
}
