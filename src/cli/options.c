/* Option parsing by table. */
#include "cli/options.h"

#include <assert.h>
#include <stdio.h>

#include "base/nearest.h"

#define OPTIONS_MAX 64

struct parse {
    struct arena *arena;
    const struct cli_option *table;
    int argc;
    char **argv;
    int index; /* of the next word */
    struct cli_options *options;
};

static const struct cli_option *find_long(const struct cli_option *table, struct str name)
{
    for (; table->name; table++)
        if (str_equal(str_from(table->name), name))
            return table;
    return NULL;
}

static const struct cli_option *find_letter(const struct cli_option *table, char letter)
{
    for (; table->name; table++)
        if (table->letter == letter)
            return table;
    return NULL;
}

static bool unknown(const struct parse *parse, struct str name, struct err *err)
{
    const char *names[OPTIONS_MAX + 1] = {0};
    size_t count = 0;
    for (const struct cli_option *option = parse->table; option->name; option++) {
        assert(count < OPTIONS_MAX);
        names[count++] = option->name;
    }
    (void)err_set(err, ERR_INVALID, "unknown option --%.*s", STR_ARG(name));
    const char *nearest = nearest_name(name, names);
    return nearest ? err_hint(err, "did you mean --%s?", nearest) : err_hint(err, "see --help");
}

static bool is_choice(const char *choices, struct str value)
{
    struct str rest = str_from(choices), choice;
    while (str_split_next(&rest, '|', &choice))
        if (str_equal(choice, value))
            return true;
    return false;
}

static bool add_value(struct parse *parse, const struct cli_option *option, struct str text, struct err *err)
{
    if (option->choices && !is_choice(option->choices, text)) {
        (void)err_set(err, ERR_INVALID, "--%s cannot be '%.*s'", option->name, STR_ARG(text));
        return err_hint(err, "one of %s", option->choices);
    }
    struct cli_options *options = parse->options;
    if (!option->many) {
        for (size_t i = 0; i < options->value_count; i++) {
            if (options->values[i].option == option) {
                options->values[i].text = text;
                return true;
            }
        }
    }
    options->values[options->value_count++] = (struct cli_value){option, text};
    return true;
}

/* The value behind an option: attached text if there is any, else the next word. */
static bool take_value(struct parse *parse, const struct cli_option *option, struct str attached, struct err *err)
{
    if (attached.ptr)
        return add_value(parse, option, attached, err);
    if (parse->index == parse->argc) {
        (void)err_set(err, ERR_INVALID, "--%s needs a value", option->name);
        return err_hint(err, "--%s %s", option->name, option->value);
    }
    return add_value(parse, option, str_from(parse->argv[parse->index++]), err);
}

static bool parse_long(struct parse *parse, struct str word, struct err *err)
{
    struct str name = word, attached = {0};
    ptrdiff_t equals = str_find_char(word, '=');
    if (equals >= 0) {
        name = str_slice(word, 0, (size_t)equals);
        attached = str_bytes(word.ptr + equals + 1, word.len - (size_t)equals - 1);
    }
    const struct cli_option *option = find_long(parse->table, name);
    if (!option)
        return unknown(parse, name, err);
    if (option->otherwise && !attached.ptr)
        return add_value(parse, option, str_from(option->otherwise), err);
    if (option->value)
        return take_value(parse, option, attached, err);
    if (attached.ptr)
        return err_set(err, ERR_INVALID, "--%s takes no value", option->name);
    return add_value(parse, option, S(""), err);
}

/* Several flags may share a dash; an option with a value takes the rest of the word or the next one. */
static bool parse_letters(struct parse *parse, struct str word, struct err *err)
{
    for (size_t i = 0; i < word.len; i++) {
        const struct cli_option *option = find_letter(parse->table, word.ptr[i]);
        if (!option) {
            (void)err_set(err, ERR_INVALID, "unknown option -%c", word.ptr[i]);
            return err_hint(err, "see --help");
        }
        if (option->value) {
            struct str rest = str_from_index(word, i + 1);
            return take_value(parse, option, rest.len ? rest : (struct str){0}, err);
        }
        if (!add_value(parse, option, S(""), err))
            return false;
    }
    return true;
}

bool cli_options_parse(struct arena *arena, const struct cli_option *table, int argc, char **argv,
                       struct cli_options *options_out, struct err *err)
{
    assert(argc >= 0 && table);
    struct parse parse = {.arena = arena, .table = table, .argc = argc, .argv = argv, .options = options_out};
    size_t room =
        (size_t)argc * 2 + 1; /* -abc gives three values of one word, but no word gives more than its length */
    for (int i = 0; i < argc; i++)
        room += strlen(argv[i]);
    *options_out = (struct cli_options){
        .values = arena_array(arena, room, sizeof(struct cli_value)),
        .arguments = arena_array(arena, (size_t)argc + 1, sizeof(struct str)),
    };
    bool only_arguments = false;
    while (parse.index < argc) {
        struct str word = str_from(argv[parse.index++]);
        if (!only_arguments && str_equal(word, S("--"))) {
            only_arguments = true;
        } else if (only_arguments || word.len < 2 || word.ptr[0] != '-') {
            options_out->arguments[options_out->argument_count++] = word;
        } else if (str_starts_with(word, S("--"))) {
            if (!parse_long(&parse, str_from_index(word, 2), err))
                return false;
        } else if (!parse_letters(&parse, str_from_index(word, 1), err)) {
            return false;
        }
    }
    return true;
}

struct str cli_options_text(const struct cli_options *options, const char *name)
{
    for (size_t i = 0; i < options->value_count; i++)
        if (strcmp(options->values[i].option->name, name) == 0)
            return options->values[i].text;
    return (struct str){0};
}

bool cli_options_has(const struct cli_options *options, const char *name)
{
    return cli_options_text(options, name).ptr != NULL;
}

static size_t left_column(const struct cli_option *option, char *text, size_t size)
{
    char letter[8] = "    ";
    if (option->letter)
        (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    const char *before = option->otherwise ? "[=" : option->value ? " " : "";
    int len = snprintf(text, size, "  %s--%s%s%s%s", letter, option->name, before, option->value ? option->value : "",
                       option->otherwise ? "]" : "");
    return len < 0 ? 0 : (size_t)len;
}

void cli_options_describe(const struct cli_option *table, struct buf *text)
{
    char left[128];
    size_t width = 0;
    for (const struct cli_option *option = table; option->name; option++) {
        size_t len = left_column(option, left, sizeof(left));
        width = len > width ? len : width;
    }
    for (const struct cli_option *option = table; option->name; option++) {
        (void)left_column(option, left, sizeof(left));
        buf_printf(text, "%-*s  %s", (int)width, left, option->help);
        if (option->choices)
            buf_printf(text, " (%s)", option->choices);
        buf_append_char(text, '\n');
    }
}
