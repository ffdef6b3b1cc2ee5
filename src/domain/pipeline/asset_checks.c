/* An asset's columns, and the tests of columns and of the whole. A test is a word, a word with what it is about
 * (`unique: [a, b]`), or a word with a map of properties. */
#include "domain/pipeline/asset_property.h"

static bool asset_read_target(struct property_reader *reader, const struct property *property, const struct yaml *value,
                              void *field)
{
    struct str text;
    if (!property_text(reader, property, value, &text))
        return false;
    bool is_ref = (str_starts_with(text, S("ref('")) && str_ends_with(text, S("')"))) ||
                  (str_starts_with(text, S("ref(\"")) && str_ends_with(text, S("\")")));
    if (is_ref) /* as dbt writes it */
        text = str_slice(text, 5, text.len - 7);
    memcpy(field, &text, sizeof(text));
    return true;
}

#define CHECK(field) offsetof(struct asset_test, field)
#define OF_COLUMN                                                                                    \
    (1U << ASSET_TEST_NOT_NULL | 1U << ASSET_TEST_ACCEPTED_VALUES | 1U << ASSET_TEST_RELATIONSHIPS | \
     1U << ASSET_TEST_FRESHNESS | 1U << ASSET_TEST_UNIQUE)
const struct property asset_test_properties[] = {
    {"name", "text", "", property_text, CHECK(name), NULL, 0},
    {"column", "texts", "", property_texts, CHECK(columns), NULL, OF_COLUMN},
    {"columns", "texts", "", property_texts, CHECK(columns), NULL, OF_COLUMN},
    {"values", "texts", "", property_texts, CHECK(values), NULL, 1U << ASSET_TEST_ACCEPTED_VALUES},
    {"to", "text", "", asset_read_target, CHECK(to_table), NULL, 1U << ASSET_TEST_RELATIONSHIPS},
    {"field", "text", "", property_text, CHECK(to_column), NULL, 1U << ASSET_TEST_RELATIONSHIPS},
    {"min", "integer", "", property_integer, CHECK(min_rows), NULL, 1U << ASSET_TEST_ROW_COUNT},
    {"max", "integer", "", property_integer, CHECK(max_rows), NULL, 1U << ASSET_TEST_ROW_COUNT},
    {"sql", "text", "", property_text, CHECK(expression), NULL, 1U << ASSET_TEST_EXPRESSION},
    {"max_age", "time", "", property_duration, CHECK(max_age_us), NULL, 1U << ASSET_TEST_FRESHNESS},
    {"severity", "word", "error", property_word, CHECK(severity), asset_severity_words, 0},
    {"blocking", "flag", "true", property_flag, CHECK(blocking), NULL, 0},
    {0},
};

/* What a test is about when it is no map: its most important property. */
static bool asset_read_short(struct property_reader *reader, const struct yaml *value, struct asset_test *test)
{
    bool in_column = test->column_count > 0;
    struct property about = {.name = asset_test_words[test->kind]};
    switch (test->kind) {
    case ASSET_TEST_NOT_NULL:
    case ASSET_TEST_UNIQUE:
        if (in_column)
            return property_problem(reader, yaml_line(value), "%s of a column needs nothing more", about.name);
        return property_texts(reader, &about, value, &test->columns);
    case ASSET_TEST_ACCEPTED_VALUES:
        return property_texts(reader, &about, value, &test->values);
    case ASSET_TEST_RELATIONSHIPS:
        return asset_read_target(reader, &about, value, &test->to_table);
    case ASSET_TEST_ROW_COUNT:
        if (!property_integer(reader, &about, value, &test->min_rows))
            return false;
        test->max_rows = test->min_rows;
        return true;
    case ASSET_TEST_EXPRESSION:
        return property_text(reader, &about, value, &test->expression);
    case ASSET_TEST_FRESHNESS:
        return property_duration(reader, &about, value, &test->max_age_us);
    }
    return false;
}

/* "customers.id" is the column id of customers. */
static bool asset_split_target(struct asset_test *test)
{
    size_t dot = test->to_table.len;
    if (test->to_column.len > 0 || dot == 0)
        return dot > 0;
    while (dot > 0 && test->to_table.ptr[dot - 1] != '.')
        dot--;
    if (dot < 2 || dot == test->to_table.len)
        return false;
    test->to_column = str_from_index(test->to_table, dot);
    test->to_table.len = dot - 1;
    return true;
}

static bool asset_check_test(struct property_reader *reader, struct asset_test *test)
{
    const char *kind = asset_test_words[test->kind], *missing = NULL;
    bool needs_column = (OF_COLUMN >> test->kind & 1U) != 0;
    if (needs_column && test->column_count == 0)
        missing = "column";
    else if (test->kind == ASSET_TEST_ACCEPTED_VALUES && test->value_count == 0)
        missing = "values";
    else if (test->kind == ASSET_TEST_RELATIONSHIPS && !asset_split_target(test))
        missing = "to: TABLE.COLUMN, or to and field";
    else if (test->kind == ASSET_TEST_ROW_COUNT && test->min_rows < 0 && test->max_rows < 0)
        missing = "min or max";
    else if (test->kind == ASSET_TEST_EXPRESSION && test->expression.len == 0)
        missing = "sql";
    else if (test->kind == ASSET_TEST_FRESHNESS && test->max_age_us == 0)
        missing = "max_age";
    if (missing)
        return property_problem(reader, test->line, "%s needs %s", kind, missing);
    if (test->max_rows >= 0 && test->min_rows > test->max_rows)
        return property_problem(reader, test->line, "row_count: min is greater than max");
    return true;
}

static bool asset_test_is_known(const struct asset_draft *draft, struct str name)
{
    for (size_t i = 0; i < draft->tests.count; i++)
        if (str_equal(draft->tests.items[i].name, name))
            return true;
    return false;
}

static struct str asset_make_name(struct arena *arena, const struct asset_draft *draft, const struct asset_test *test)
{
    struct str base = str_from(asset_test_words[test->kind]);
    for (size_t i = 0; i < test->column_count; i++)
        base = str_format(arena, "%.*s_%.*s", STR_ARG(base), STR_ARG(test->columns[i]));
    struct str name = base;
    for (int i = 2; asset_test_is_known(draft, name); i++)
        name = str_format(arena, "%.*s_%d", STR_ARG(base), i);
    return name;
}

static bool asset_add_test(struct property_reader *reader, const struct asset_test *test)
{
    struct asset_draft *draft = reader->owner;
    struct asset_test named = *test;
    if (draft->tests.count == ASSET_TESTS_MAX)
        return property_problem(reader, test->line, "an asset has at most %d tests", ASSET_TESTS_MAX);
    if (named.name.len == 0)
        named.name = asset_make_name(reader->arena, draft, test);
    else if (asset_test_is_known(draft, named.name))
        return property_problem(reader, test->line, "two tests are named '%.*s'",
                                STR_ARG(str_slice(named.name, 0, 64)));
    vec_push(&draft->tests, named);
    return true;
}

/* Several columns are several tests; only unique looks at them together. */
static bool asset_add_tests(struct property_reader *reader, struct asset_test test)
{
    const struct str *columns = test.columns;
    size_t count = test.kind == ASSET_TEST_UNIQUE || test.column_count == 0 ? 1 : test.column_count;
    if (!asset_check_test(reader, &test))
        return false;
    if (count == 1)
        return asset_add_test(reader, &test);
    if (test.name.len > 0)
        return property_problem(reader, test.line, "a test with a name has one column");
    for (size_t i = 0; i < count; i++) {
        test.columns = columns + i;
        test.column_count = 1;
        if (!asset_add_test(reader, &test))
            return false;
    }
    return true;
}

/* value NULL: the word alone. */
static bool asset_read_test(struct property_reader *reader, struct str word, int line, const struct yaml *value)
{
    struct asset_draft *draft = reader->owner;
    struct asset_test test = {
        .name = S(""),
        .to_table = S(""),
        .to_column = S(""),
        .expression = S(""),
        .min_rows = -1,
        .max_rows = -1,
        .severity = ASSET_ERROR,
        .blocking = true,
        .line = line,
    };
    unsigned kind = 0, where = reader->where;
    while (asset_test_words[kind] && !str_equal(word, str_from(asset_test_words[kind])))
        kind++;
    if (!asset_test_words[kind])
        return property_unknown(reader, line, "test", word, asset_test_words);
    test.kind = (enum asset_test_kind)kind;
    if (draft->column.len > 0) {
        test.columns = arena_copy(reader->arena, &draft->column, sizeof(struct str));
        test.column_count = 1;
    }
    bool ok = true;
    reader->where = 1U << kind;
    if (value && yaml_kind(value) == YAML_MAP) {
        if (draft->column.len > 0 && (yaml_get(value, "column") || yaml_get(value, "columns")))
            ok = property_problem(reader, line, "the test stands below its column already");
        ok = property_map(reader, asset_test_words[kind], value, asset_test_properties, &test) && ok;
    } else if (value && yaml_kind(value) != YAML_EMPTY) {
        ok = asset_read_short(reader, value, &test);
    }
    reader->where = where;
    return ok && asset_add_tests(reader, test);
}

bool asset_read_tests(struct property_reader *reader, const struct property *property, const struct yaml *value,
                      void *field)
{
    (void)field;
    bool ok = true;
    if (yaml_kind(value) == YAML_TEXT)
        return asset_read_test(reader, yaml_text(value), yaml_line(value), NULL);
    if (yaml_kind(value) == YAML_EMPTY)
        return property_problem(reader, yaml_line(value), "%s must be a list of tests", property->name);
    for (size_t i = 0; i < yaml_count(value); i++) {
        const struct yaml *item = yaml_at(value, i);
        if (yaml_kind(value) == YAML_MAP)
            ok = asset_read_test(reader, yaml_key_at(value, i), yaml_key_line(value, i), item) && ok;
        else if (yaml_kind(item) == YAML_TEXT)
            ok = asset_read_test(reader, yaml_text(item), yaml_line(item), NULL) && ok;
        else if (yaml_kind(item) == YAML_MAP && yaml_count(item) == 1)
            ok = asset_read_test(reader, yaml_key_at(item, 0), yaml_key_line(item, 0), yaml_at(item, 0)) && ok;
        else
            ok = property_problem(reader, yaml_line(item), "a test is a word, or a word and what it takes: unique: id");
    }
    return ok;
}

#define COLUMN(field) offsetof(struct asset_column, field)
const struct property asset_column_properties[] = {
    {"name", "text", "", property_text, COLUMN(name), NULL, 0},
    {"type", "text", "", property_text, COLUMN(type), NULL, 0},
    {"description", "text", "", property_text, COLUMN(description), NULL, 0},
    {"tests", "tests", "", asset_read_tests, 0, NULL, 0},
    {0},
};

/* One column of a map (its key is the name) or of a list. */
static bool asset_read_column(struct property_reader *reader, struct str name, const struct yaml *value,
                              struct asset_column *column)
{
    struct asset_draft *draft = reader->owner;
    bool ok = true;
    draft->column = name;
    *column = (struct asset_column){.name = name, .type = S(""), .description = S("")};
    if (yaml_kind(value) == YAML_TEXT) /* the short form: its type */
        column->type = yaml_text(value);
    else if (yaml_kind(value) != YAML_EMPTY)
        ok = property_map(reader, "a column", value, asset_column_properties, column);
    draft->column = S("");
    return ok;
}

bool asset_read_columns(struct property_reader *reader, const struct property *property, const struct yaml *value,
                        void *field)
{
    bool is_map = yaml_kind(value) == YAML_MAP, ok = true;
    if (!is_map && yaml_kind(value) != YAML_LIST)
        return property_problem(reader, yaml_line(value), "%s must be a list or a map of columns", property->name);
    size_t count = yaml_count(value);
    struct asset_column *columns = arena_array(reader->arena, count, sizeof(*columns));
    for (size_t i = 0; i < count; i++) {
        const struct yaml *item = yaml_at(value, i), *name = yaml_get(item, "name");
        struct str text = is_map ? yaml_key_at(value, i) : yaml_kind(item) == YAML_TEXT ? yaml_text(item) : S("");
        if (!is_map && name)
            text = yaml_text(name);
        if (text.len == 0 || (is_map && name))
            ok = property_problem(reader, yaml_line(item), "a column needs its name, once");
        else if (!is_map && yaml_kind(item) == YAML_TEXT)
            columns[i] = (struct asset_column){.name = text, .type = S(""), .description = S("")};
        else
            ok = asset_read_column(reader, text, item, &columns[i]) && ok;
    }
    memcpy(field, &(struct {
               const struct asset_column *items;
               size_t count;
           }){columns, count},
           sizeof(struct property_list));
    return ok;
}
