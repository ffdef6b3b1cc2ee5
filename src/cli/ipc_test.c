/* Arrow framing against files that pyarrow wrote (fuzz/corpus/cli_ipc). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "cli/ipc.h"

static char content[65536];

static struct str read_corpus(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", CLI_IPC_CORPUS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(content, 1, sizeof(content), file);
    (void)fclose(file);
    return str_bytes(content, len);
}

/* Messages, rows and body bytes in the text; false when it is refused. */
static bool walk(struct str bytes, size_t *messages_out, uint64_t *rows_out)
{
    struct cli_ipc ipc;
    struct err error;
    size_t messages = 0;
    uint64_t rows = 0;
    if (!cli_ipc_open(bytes, &ipc, &error))
        return false;
    for (;;) {
        struct cli_ipc_message message;
        bool end;
        if (!cli_ipc_next(&ipc, &message, &end, &error))
            return false;
        if (end)
            break;
        messages++;
        rows += message.rows;
    }
    *messages_out = messages;
    *rows_out = rows;
    return true;
}

static void a_stream_gives_schema_dictionary_and_batches(void **state)
{
    (void)state;
    size_t messages;
    uint64_t rows;
    assert_true(walk(read_corpus("stream.arrows"), &messages, &rows));
    assert_int_equal(messages, 4);
    assert_int_equal(rows, 3);
}

static void a_file_gives_the_same_by_its_footer(void **state)
{
    (void)state;
    size_t messages;
    uint64_t rows;
    assert_true(walk(read_corpus("file.arrow"), &messages, &rows));
    assert_int_equal(messages, 3);
    assert_int_equal(rows, 3);
}

static void a_stream_without_its_end_mark_is_whole(void **state)
{
    (void)state;
    size_t messages;
    uint64_t rows;
    struct str bytes = read_corpus("stream.arrows");
    bytes.len -= 8;
    assert_true(walk(bytes, &messages, &rows));
    assert_int_equal(rows, 3);
}

static void what_is_cut_off_is_refused_or_shorter(void **state)
{
    (void)state;
    size_t messages;
    uint64_t rows;
    struct str bytes = read_corpus("file.arrow");
    for (size_t len = 0; len < bytes.len; len++)
        assert_false(walk(str_slice(bytes, 0, len), &messages, &rows));
    bytes = read_corpus("stream.arrows");
    for (size_t len = 0; len + 8 < bytes.len; len++)
        assert_true(!walk(str_slice(bytes, 0, len), &messages, &rows) || messages < 4);
}

static void any_changed_byte_is_survived(void **state)
{
    (void)state;
    size_t messages;
    uint64_t rows;
    struct str bytes = read_corpus("file.arrow");
    for (size_t i = 8; i < bytes.len; i++) {
        char before = content[i];
        content[i] = (char)0xFF;
        (void)walk(bytes, &messages, &rows);
        content[i] = before;
    }
}

static void feather_1_is_named(void **state)
{
    (void)state;
    struct cli_ipc ipc;
    struct err error;
    assert_false(cli_ipc_open(S("FEA1xxxxxxxxxxxxxxxx"), &ipc, &error));
    assert_int_equal(error.code, ERR_UNIMPLEMENTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_gives_schema_dictionary_and_batches),
        cmocka_unit_test(a_file_gives_the_same_by_its_footer),
        cmocka_unit_test(a_stream_without_its_end_mark_is_whole),
        cmocka_unit_test(what_is_cut_off_is_refused_or_shorter),
        cmocka_unit_test(any_changed_byte_is_survived),
        cmocka_unit_test(feather_1_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
