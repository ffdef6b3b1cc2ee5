/* A hand-written twin of DuckDB 1.5's scanner (third_party/libpg_query/scan.l): the same longest matches, without flex.
 * Where DuckDB's rules look odd (a string goes on after a line break, '=-' is two operators, '1..2' is a range), so do
 * these. */
#include "domain/query/lexer.h"

#define LEXER_OPERATOR_MAX 64
/* "+++...": each sign is a token, but finding its end means reading the whole run, so a run must be short. */
#define LEXER_OPERATOR_RUN 1024

static bool lexer_in(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool lexer_is_operator(char c)
{
    return lexer_in(c, "~!@^&|`+-*/%<>=");
}

static bool lexer_is_space(char c)
{
    return lexer_in(c, " \t\n\r\f");
}

static bool lexer_is_newline(char c)
{
    return c == '\n' || c == '\r';
}

static bool lexer_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool lexer_is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

/* The byte at an offset, or NUL behind the end; NUL inside the text is no part of any token. */
static char lexer_peek(const struct lexer *lexer, size_t at)
{
    return at < lexer->text.len ? lexer->text.ptr[at] : '\0';
}

size_t lexer_wide_space(struct str text)
{
    static const char *const spaces[] = {"\xC2\xA0",     "\xE2\x80\xAF", "\xE2\x81\x9F",
                                         "\xE2\x81\xA0", "\xE3\x80\x80", "\xEF\xBB\xBF"};
    if (text.len < 2 || !strchr("\xC2\xE2\xE3\xEF", text.ptr[0]))
        return 0;
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        if (str_starts_with(text, str_from(spaces[i])))
            return strlen(spaces[i]);
    }
    /* U+2000 to U+200B */
    bool is_space = str_starts_with(text, S("\xE2\x80")) && text.len > 2 && (unsigned char)text.ptr[2] >= 0x80 &&
                    (unsigned char)text.ptr[2] <= 0x8B;
    return is_space ? 3 : 0;
}

/* Length of the Unicode space at an offset where it matters, else 0. */
static size_t lexer_space_at(const struct lexer *lexer, size_t at)
{
    return lexer->wide_spaces ? lexer_wide_space(str_from_index(lexer->text, at)) : 0;
}

static struct lexer_token lexer_token(struct lexer *lexer, enum lexer_kind kind, size_t end)
{
    struct lexer_token token = {.kind = kind, .start = lexer->at, .len = end - lexer->at};
    lexer->at = end;
    return token;
}

static struct lexer_token lexer_error(struct lexer *lexer, const char *error)
{
    struct lexer_token token = {.kind = LEXER_ERROR, .start = lexer->at, .error = error};
    lexer->at = lexer->text.len;
    return token;
}

static size_t lexer_skip_line(const struct lexer *lexer, size_t at)
{
    while (at < lexer->text.len && !lexer_is_newline(lexer->text.ptr[at]))
        at++;
    return at;
}

static bool lexer_is_line_comment(const struct lexer *lexer, size_t at)
{
    return lexer_peek(lexer, at) == '-' && lexer_peek(lexer, at + 1) == '-';
}

/* Behind the nested comment that starts at an offset, or 0. */
static size_t lexer_skip_comment(const struct lexer *lexer, size_t at)
{
    size_t depth = 0;
    while (at + 1 < lexer->text.len) {
        char c = lexer->text.ptr[at], next = lexer->text.ptr[at + 1];
        if (c == '/' && next == '*') {
            depth++;
            at += 2;
        } else if (c == '*' && next == '/') {
            at += 2;
            if (--depth == 0)
                return at;
        } else {
            at++;
        }
    }
    return 0;
}

/* Behind a closing quote: where the string goes on, or 0. It does when another quote follows on a later line, with
 * nothing but white space and line comments between. */
static size_t lexer_continue(const struct lexer *lexer, size_t at)
{
    bool line_break = false;
    for (;;) {
        char c = lexer_peek(lexer, at);
        if (lexer_is_newline(c)) {
            line_break = true;
            at++;
        } else if (lexer_is_space(c)) {
            at++;
        } else if (lexer_is_line_comment(lexer, at)) {
            at = lexer_skip_line(lexer, at);
        } else {
            return line_break && c == '\'' ? at + 1 : 0;
        }
    }
}

static int lexer_hex(char c)
{
    if (lexer_is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Behind the escape that starts at a backslash inside E'...', or 0 for one that DuckDB refuses: it cannot write
 * characters beyond ASCII this way. */
static size_t lexer_escape(const struct lexer *lexer, size_t at)
{
    char c = lexer_peek(lexer, ++at);
    unsigned value = 1;
    if (at >= lexer->text.len)
        return at;
    if (c == 'u' || c == 'U' || (unsigned char)c >= 0x80)
        return 0;
    if (c >= '0' && c <= '7') {
        value = 0;
        for (int i = 0; i < 3 && lexer_peek(lexer, at) >= '0' && lexer_peek(lexer, at) <= '7'; i++)
            value = value * 8 + (unsigned)(lexer_peek(lexer, at++) - '0');
    } else if (c == 'x' && lexer_hex(lexer_peek(lexer, at + 1)) >= 0) {
        value = (unsigned)lexer_hex(lexer_peek(lexer, ++at));
        if (lexer_hex(lexer_peek(lexer, ++at)) >= 0)
            value = value * 16 + (unsigned)lexer_hex(lexer_peek(lexer, at++));
    } else {
        at++;
    }
    value &= 0xff;
    return value > 0 && value < 0x80 ? at : 0;
}

/* at: behind the opening quote. */
static struct lexer_token lexer_string(struct lexer *lexer, size_t at, bool escapes, bool doubles)
{
    while (at < lexer->text.len) {
        char c = lexer->text.ptr[at];
        if (c == '\\' && escapes) {
            at = lexer_escape(lexer, at);
            if (!at)
                return lexer_error(lexer, "an escape in E'...' that DuckDB does not know");
        } else if (c != '\'') {
            at++;
        } else if (doubles && lexer_peek(lexer, at + 1) == '\'') {
            at += 2;
        } else {
            size_t next = lexer_continue(lexer, at + 1);
            if (!next)
                return lexer_token(lexer, LEXER_STRING, at + 1);
            at = next;
        }
    }
    return lexer_error(lexer, "a string without its closing quote");
}

static struct lexer_token lexer_quoted(struct lexer *lexer)
{
    size_t at = lexer->at + 1;
    for (; at < lexer->text.len; at++) {
        if (lexer->text.ptr[at] != '"')
            continue;
        if (lexer_peek(lexer, at + 1) != '"')
            break;
        at++;
    }
    if (at >= lexer->text.len)
        return lexer_error(lexer, "a quoted name without its closing quote");
    if (at == lexer->at + 1)
        return lexer_error(lexer, "an empty quoted name");
    return lexer_token(lexer, LEXER_QUOTED, at + 1);
}

/* Behind digits with single underscores between; at itself when there are none. */
static size_t lexer_digits(const struct lexer *lexer, size_t at)
{
    if (!lexer_is_digit(lexer_peek(lexer, at)))
        return at;
    for (;;) {
        at++;
        if (lexer_is_digit(lexer_peek(lexer, at)))
            continue;
        if (lexer_peek(lexer, at) != '_' || !lexer_is_digit(lexer_peek(lexer, at + 1)))
            return at;
    }
}

static struct lexer_token lexer_number(struct lexer *lexer)
{
    size_t at = lexer_digits(lexer, lexer->at);
    if (lexer_peek(lexer, at) == '.') {
        if (at > lexer->at && lexer_peek(lexer, at + 1) == '.')
            return lexer_token(lexer, LEXER_NUMBER, at);
        at = lexer_digits(lexer, at + 1);
    }
    if (lexer_in(lexer_peek(lexer, at), "eE")) {
        size_t digits = at + 1 + lexer_in(lexer_peek(lexer, at + 1), "+-");
        size_t end = lexer_digits(lexer, digits);
        if (end > digits)
            at = end;
    }
    return lexer_token(lexer, LEXER_NUMBER, at);
}

static struct lexer_token lexer_dollar(struct lexer *lexer)
{
    size_t at = lexer->at + 1;
    if (lexer_is_digit(lexer_peek(lexer, at)))
        return lexer_token(lexer, LEXER_PARAMETER, lexer_digits(lexer, at));
    if (lexer_is_name_start(lexer_peek(lexer, at))) {
        while (lexer_is_name_start(lexer_peek(lexer, at)) || lexer_is_digit(lexer_peek(lexer, at)))
            at++;
    }
    if (lexer_peek(lexer, at) != '$')
        return lexer_token(lexer, LEXER_OPERATOR, lexer->at + 1);
    struct str tag = str_slice(lexer->text, lexer->at, ++at - lexer->at);
    ptrdiff_t end = str_find(str_from_index(lexer->text, at), tag);
    if (end < 0)
        return lexer_error(lexer, "a dollar-quoted string without its end");
    return lexer_token(lexer, LEXER_STRING, at + (size_t)end + tag.len);
}

static struct lexer_token lexer_operator(struct lexer *lexer)
{
    size_t len = 0;
    bool other = false; /* has a character that SQL's own operators do not have */
    struct str text = str_from_index(lexer->text, lexer->at);
    for (; len < text.len && lexer_is_operator(text.ptr[len]); len++) {
        char next = lexer_peek(lexer, lexer->at + len + 1);
        if ((text.ptr[len] == '/' && next == '*') || (text.ptr[len] == '-' && next == '-'))
            break;
    }
    if (len > LEXER_OPERATOR_RUN)
        return lexer_error(lexer, "too many operator characters in a row");
    /* A trailing + or - belongs to what follows, unless the operator before it could not be SQL's own. */
    for (size_t i = 0; i + 1 < len && !other; i++)
        other = lexer_in(text.ptr[i], "~!@^&|`%");
    size_t bare = len;
    while (bare > 1 && !other && lexer_in(text.ptr[bare - 1], "+-"))
        bare--;
    if (bare >= LEXER_OPERATOR_MAX)
        return lexer_error(lexer, "an operator of more than 63 characters");
    return lexer_token(lexer, LEXER_OPERATOR, lexer->at + bare);
}

static struct lexer_token lexer_word(struct lexer *lexer)
{
    char c = lexer_peek(lexer, lexer->at), next = lexer_peek(lexer, lexer->at + 1);
    if (next == '\'') {
        if (lexer_in(c, "eE"))
            return lexer_string(lexer, lexer->at + 2, true, true);
        if (lexer_in(c, "bBxX"))
            return lexer_string(lexer, lexer->at + 2, false, false);
    }
    if (lexer_in(c, "uU") && next == '&' && lexer_in(lexer_peek(lexer, lexer->at + 2), "'\""))
        return lexer_error(lexer, "U&, which DuckDB does not know: write the character itself");
    size_t at = lexer->at + 1;
    for (char part = next; !lexer_space_at(lexer, at); part = lexer_peek(lexer, ++at)) {
        if (!lexer_is_name_start(part) && !lexer_is_digit(part) && part != '$')
            break;
    }
    return lexer_token(lexer, LEXER_WORD, at);
}

/* Over white space and comments; false: a comment has no end. */
static bool lexer_skip(struct lexer *lexer)
{
    for (;;) {
        size_t wide = lexer_space_at(lexer, lexer->at);
        if (wide || lexer_is_space(lexer_peek(lexer, lexer->at))) {
            lexer->at += wide ? wide : 1;
        } else if (lexer_is_line_comment(lexer, lexer->at)) {
            lexer->at = lexer_skip_line(lexer, lexer->at);
        } else if (lexer_peek(lexer, lexer->at) == '/' && lexer_peek(lexer, lexer->at + 1) == '*') {
            size_t end = lexer_skip_comment(lexer, lexer->at);
            if (!end)
                return false;
            lexer->at = end;
        } else {
            return true;
        }
    }
}

struct lexer_token lexer_next(struct lexer *lexer)
{
    if (!lexer_skip(lexer))
        return lexer_error(lexer, "a comment without its end");
    if (lexer->at >= lexer->text.len)
        return lexer_token(lexer, LEXER_END, lexer->text.len);
    char c = lexer_peek(lexer, lexer->at), next = lexer_peek(lexer, lexer->at + 1);
    if (lexer_is_name_start(c))
        return lexer_word(lexer);
    if (lexer_is_digit(c) || (c == '.' && lexer_is_digit(next)))
        return lexer_number(lexer);
    if (lexer_is_operator(c))
        return lexer_operator(lexer);
    switch (c) {
    case '\'':
        return lexer_string(lexer, lexer->at + 1, false, true);
    case '"':
        return lexer_quoted(lexer);
    case '$':
        return lexer_dollar(lexer);
    case '\0':
        return lexer_error(lexer, "a NUL character");
    case '?':
        return lexer_is_digit(next) ? lexer_token(lexer, LEXER_PARAMETER, lexer_digits(lexer, lexer->at + 1))
                                    : lexer_token(lexer, LEXER_OPERATOR, lexer->at + 1);
    case ':':
        return lexer_token(lexer, LEXER_OPERATOR, lexer->at + (next == ':' || next == '=' ? 2 : 1));
    case '.':
        return lexer_token(lexer, LEXER_OPERATOR, lexer->at + (next == '.' ? 2 : 1));
    default:
        return lexer_token(lexer, LEXER_OPERATOR, lexer->at + 1);
    }
}
