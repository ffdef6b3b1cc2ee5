/* Splits SQL text into the tokens that DuckDB's own lexer sees, byte for byte (tests/gate compares the two). Pure; the
 * tokens point into the text. Linear in time. */
#pragma once
#include "base/str.h"

enum lexer_kind {
    LEXER_END,
    LEXER_WORD,   /* keyword or unquoted name */
    LEXER_QUOTED, /* "name" */
    LEXER_STRING, /* 'text', E'text', $tag$text$tag$, b'01', x'ff'; parts on several lines are one token */
    LEXER_NUMBER,
    LEXER_PARAMETER, /* $1 ?1; $name is the operator $ and a word, as in DuckDB */
    LEXER_OPERATOR,  /* one of the lexer's operators, or a single other character */
    LEXER_ERROR,     /* DuckDB would refuse the text here, too */
};

struct lexer_token {
    enum lexer_kind kind;
    size_t start; /* offset in the text */
    size_t len;
    const char *error; /* LEXER_ERROR: what is wrong */
};

struct lexer {
    struct str text;
    size_t at;
    bool wide_spaces; /* Unicode spaces are white space too. DuckDB replaces them in a pass before its lexer. */
};

/* Length of the Unicode space at the start of the bytes, or 0: those that DuckDB takes for white space. */
size_t lexer_wide_space(struct str text);

/* The next token; after LEXER_END or LEXER_ERROR there is none. */
struct lexer_token lexer_next(struct lexer *lexer);
