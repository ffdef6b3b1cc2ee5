/* What the option parser takes and refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/options.h"

static const struct cli_option table[] = {
    {.name = "tenant", .letter = 't', .value = "ID", .help = "the tenant"},
    {.name = "output", .value = "FORMAT", .help = "how to print", .choices = "table|json"},
    {.name = "parameter", .letter = 'p', .value = "NAME=VALUE", .help = "a value", .many = true},
    {.name = "yes", .letter = 'y', .help = "really"},
    {.name = "verbose", .letter = 'v', .help = "more"},
    {0},
};

static struct arena *arena;
static struct cli_options options;
static struct err error;

static bool parse(const char *const *words)
{
    char *argv[16];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = str_cstr(arena, str_from(words[argc]));
    return cli_options_parse(arena, table, argc, argv, &options, &error);
}
#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    error = (struct err){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static bool text_is(const char *name, const char *text)
{
    return str_equal(cli_options_text(&options, name), str_from(text));
}

static void values_come_behind_a_space_an_equals_sign_or_a_letter(void **state)
{
    (void)state;
    assert_true(PARSE("--tenant", "a"));
    assert_true(text_is("tenant", "a"));
    assert_true(PARSE("--tenant=b=c"));
    assert_true(text_is("tenant", "b=c"));
    assert_true(PARSE("-td"));
    assert_true(text_is("tenant", "d"));
    assert_true(PARSE("-t", "e"));
    assert_true(text_is("tenant", "e"));
    assert_true(PARSE("--tenant="));
    assert_true(cli_options_has(&options, "tenant"));
    assert_true(text_is("tenant", ""));
}

static void the_last_value_wins_unless_there_may_be_many(void **state)
{
    (void)state;
    assert_true(PARSE("-t", "a", "-t", "b", "-pa=1", "--parameter", "b=2"));
    assert_true(text_is("tenant", "b"));
    assert_int_equal(options.value_count, 3);
    assert_true(str_equal(options.values[2].text, S("b=2")));
}

static void letters_without_values_share_a_dash(void **state)
{
    (void)state;
    assert_true(PARSE("-vyt", "a"));
    assert_true(cli_options_has(&options, "yes") && cli_options_has(&options, "verbose"));
    assert_true(text_is("tenant", "a"));
}

static void a_dash_alone_and_what_follows_two_dashes_are_arguments(void **state)
{
    (void)state;
    assert_true(PARSE("-", "x", "--yes", "--", "--tenant", "-y"));
    assert_int_equal(options.argument_count, 4);
    assert_true(str_equal(options.arguments[0], S("-")));
    assert_true(str_equal(options.arguments[2], S("--tenant")));
    assert_true(cli_options_has(&options, "yes"));
    assert_false(cli_options_has(&options, "tenant"));
}

static void an_unknown_option_gets_the_nearest_name(void **state)
{
    (void)state;
    assert_false(PARSE("--tenat", "a"));
    assert_string_equal(error.message, "unknown option --tenat");
    assert_string_equal(error.hint, "did you mean --tenant?");
    assert_false(PARSE("--something-else"));
    assert_string_equal(error.hint, "see --help");
    assert_false(PARSE("-x"));
    assert_string_equal(error.message, "unknown option -x");
}

static void missing_unwanted_and_unknown_values_are_refused(void **state)
{
    (void)state;
    assert_false(PARSE("--tenant"));
    assert_string_equal(error.message, "--tenant needs a value");
    assert_false(PARSE("--yes=1"));
    assert_string_equal(error.message, "--yes takes no value");
    assert_false(PARSE("--output", "yaml"));
    assert_string_equal(error.hint, "one of table|json");
    assert_true(PARSE("--output", "json"));
}

static void help_is_aligned(void **state)
{
    (void)state;
    struct buf text = {0};
    cli_options_describe(table, &text);
    assert_true(str_starts_with(buf_str(&text), S("  -t, --tenant ID             the tenant\n"
                                                  "      --output FORMAT         how to print (table|json)\n")));
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_come_behind_a_space_an_equals_sign_or_a_letter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_value_wins_unless_there_may_be_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(letters_without_values_share_a_dash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dash_alone_and_what_follows_two_dashes_are_arguments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_option_gets_the_nearest_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_unwanted_and_unknown_values_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_is_aligned, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
