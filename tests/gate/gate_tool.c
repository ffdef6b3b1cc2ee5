/* Prints what the lexer and the gate make of texts, for the comparisons with DuckDB's Python package.
 *   gate_tool tokens   reads texts ended by NUL; prints a line per text: kind:start:len ...
 *   gate_tool names    reads one name per line; prints open, table, setting, iceberg or closed */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "domain/query/gate_words.h"
#include "domain/query/lexer.h"

static void print_tokens(struct str text)
{
    static const char kinds[] = {
        [LEXER_END] = '.',    [LEXER_WORD] = 'w',      [LEXER_QUOTED] = 'q',   [LEXER_STRING] = 's',
        [LEXER_NUMBER] = 'n', [LEXER_PARAMETER] = 'p', [LEXER_OPERATOR] = 'o', [LEXER_ERROR] = 'e',
    };
    struct lexer lexer = {.text = text};
    struct lexer_token token;
    do {
        token = lexer_next(&lexer);
        printf("%c:%zu:%zu ", kinds[token.kind], token.start, token.len);
    } while (token.kind != LEXER_END && token.kind != LEXER_ERROR);
    putchar('\n');
}

static void print_function(struct str name)
{
    static const char *const words[] = {
        [GATE_FUNCTION_OPEN] = "open",       [GATE_FUNCTION_TABLE] = "table",   [GATE_FUNCTION_SETTING] = "setting",
        [GATE_FUNCTION_ICEBERG] = "iceberg", [GATE_FUNCTION_CLOSED] = "closed",
    };
    puts(words[gate_words_function(name)]);
}

int main(int argc, char **argv)
{
    AUTO(buf) struct buf input = {0};
    size_t count;
    while ((count = fread(buf_reserve(&input, 65536), 1, 65536, stdin)) > 0)
        buf_commit(&input, count);
    bool tokens = argc == 2 && str_equal(str_from(argv[1]), S("tokens"));
    struct str rest = buf_str(&input);
    struct str text;
    while (str_split_next(&rest, tokens ? '\0' : '\n', &text)) {
        if (tokens)
            print_tokens(text);
        else
            print_function(text);
    }
    return 0;
}
