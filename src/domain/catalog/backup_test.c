/* Backups of a local warehouse: what they keep, and that deletions wait no longer than they have to. */
#include <unistd.h>

#include "domain/catalog/state_test.h"

#define CHANGE(value) "[{\"action\":\"set-properties\",\"updates\":{\"a\":\"" value "\"}}]"

struct told {
    struct loop *loop;
    bool yes;
    enum err_code code;
};

static void on_told(void *owner, const struct err *error)
{
    struct told *told = owner;
    told->yes = true;
    told->code = error ? error->code : ERR_OK;
    loop_stop(told->loop);
}

static enum err_code wait_for(struct state *state, const struct told *told)
{
    while (!told->yes)
        loop_run(state->loop);
    return told->code;
}

static struct catalog_backup *begin(struct state *state)
{
    struct told told = {.loop = state->loop};
    struct catalog_backup *backup = catalog_backup_begin(state->catalog, on_told, &told);
    assert_int_equal(wait_for(state, &told), ERR_OK);
    assert_true(catalog_is_held(state->catalog));
    return backup;
}

static enum err_code finish(struct state *state, struct catalog_backup *backup, struct str list)
{
    struct told told = {.loop = state->loop};
    catalog_backup_finish(backup, list, on_told, &told);
    enum err_code code = wait_for(state, &told);
    assert_false(catalog_is_held(state->catalog));
    return code;
}

static void end(struct state *state, struct catalog_backup *backup)
{
    catalog_backup_end(&backup);
    assert_null(backup);
    while (state->catalog->backup)
        state_settle(state);
    assert_false(state_has(state, str_format(state->arena, "%.*s/.backup", STR_ARG(state->warehouse))));
}

static struct str list_of(struct state *state)
{
    return str_format(state->arena, "%s/list", state->data);
}

static bool is_kept(struct state *state, struct catalog_backup *backup, struct str location)
{
    struct err err;
    int fd = catalog_backup_open(backup, str_from_index(location, state->warehouse.len + 1), &err);
    if (fd < 0)
        assert_int_equal(err.code, ERR_NOT_FOUND);
    else
        assert_int_equal(close(fd), 0);
    return fd >= 0;
}

static void backup_keeps_what_the_pointers_named(void **in)
{
    struct state *state = *in;
    const char *property =
        "[{\"action\":\"set-properties\",\"updates\":{\"write.metadata.delete-after-commit.enabled\":"
        "\"true\",\"write.metadata.previous-versions-max\":\"1\"}}]";
    state_create(state, "iceberg.t", NULL);
    struct str first = state->answer.metadata_location;
    state_create(state, "iceberg.gone", NULL);
    struct str dropped = state->answer.metadata_location;
    struct catalog_backup *backup = begin(state);
    state_commit(state, "iceberg.t", "[]", property);
    struct str second = state->answer.metadata_location;
    state_commit(state, "iceberg.t", "[]", CHANGE("1"));
    state_commit(state, "iceberg.t", "[]", CHANGE("2"));
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.gone", true), CATALOG_FINE);
    /* The deletions of the drop and of old metadata come to the pool before this pass does. */
    assert_int_equal(finish(state, backup, list_of(state)), ERR_OK);
    state_settle(state);
    const struct str deleted[] = {first, second, dropped};
    for (size_t i = 0; i < 3; i++) {
        assert_false(state_has(state, deleted[i]));
        assert_true(is_kept(state, backup, deleted[i]));
    }
    uint64_t files, bytes;
    catalog_backup_size(backup, &files, &bytes);
    assert_int_equal(files, 5);
    assert_true(bytes > 0);
    state_create(state, "iceberg.later", NULL);
    assert_false(is_kept(state, backup, state->answer.metadata_location));
    end(state, backup);
}

struct copying {
    struct store_job job;
    struct told told;
    struct catalog_backup *backup;
    struct str copy;
};

static bool apply_copy(struct store_job *job, struct store_db *db, struct err *err)
{
    struct copying *copying = job->owner;
    return store_copy(db, copying->copy, err) && catalog_backup_pointers(copying->backup, copying->copy, err);
}

static void on_copied(struct store_job *job, const struct err *error)
{
    struct copying *copying = job->owner;
    on_told(&copying->told, error);
}

/* As pyiceberg does with the metadata that its commit replaced. */
static void backup_keeps_the_current_metadata_from_clients_that_delete(void **in)
{
    struct state *state = *in;
    struct err err;
    struct catalog_backup *backup = begin(state);
    state_create(state, "iceberg.new", NULL);
    struct str current = state->answer.metadata_location;
    struct copying copying = {
        .told = {.loop = state->loop}, .backup = backup, .copy = str_format(state->arena, "%s/copy.db", state->data)};
    copying.job = (struct store_job){.apply = apply_copy, .done = on_copied, .owner = &copying};
    store_submit(state->store, &copying.job);
    assert_int_equal(wait_for(state, &copying.told), ERR_OK);
    assert_true(object_delete(state->catalog->objects, &current, 1, &err));
    assert_int_equal(finish(state, backup, list_of(state)), ERR_OK);
    assert_true(is_kept(state, backup, current));
    end(state, backup);
}

static void backup_fails_when_its_list_cannot_be_written(void **in)
{
    struct state *state = *in;
    struct catalog_backup *backup = begin(state);
    assert_int_equal(finish(state, backup, S("/proc/none/list")), ERR_NOT_FOUND);
    end(state, backup);
    backup = begin(state);
    assert_int_equal(finish(state, backup, S("/dev/full")), ERR_EXISTS);
    end(state, backup);
}

static void backup_may_end_at_any_time(void **in)
{
    struct state *state = *in;
    struct told told = {.loop = state->loop};
    state_create(state, "iceberg.t", NULL);
    struct catalog_backup *backup = catalog_backup_begin(state->catalog, on_told, &told);
    catalog_backup_end(&backup);
    backup = catalog_backup_begin(state->catalog, on_told, &told);
    catalog_backup_end(&backup);
    assert_int_equal(state_drop(state, CATALOG_TABLE, "iceberg.t", true), CATALOG_FINE);
    struct str dropped = state->answer.metadata_location;
    backup = begin(state); /* waits until what the others left is gone */
    assert_false(told.yes);
    struct told second = {.loop = state->loop};
    catalog_backup_finish(backup, list_of(state), on_told, &second);
    end(state, backup);
    state_settle(state);
    assert_false(second.yes || catalog_is_held(state->catalog));
    assert_false(state_has(state, dropped));
    backup = begin(state);
    end(state, backup);
    assert_false(catalog_is_held(state->catalog));
}

static void backup_leaves_nothing_when_the_server_is_killed(void **in)
{
    struct state *state = *in;
    state_create(state, "iceberg.t", NULL);
    struct str kept = str_format(state->arena, "%.*s/.backup", STR_ARG(state->warehouse));
    (void)begin(state);
    assert_true(state_has(state, kept));
    state_restart(state);
    while (state->catalog->backup)
        state_settle(state);
    assert_false(state_has(state, kept));
    assert_int_equal(state_load(state, CATALOG_TABLE, "iceberg.t"), CATALOG_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define BACKUP_TEST(name) cmocka_unit_test_setup_teardown(name, state_setup, state_teardown)
        BACKUP_TEST(backup_keeps_what_the_pointers_named),
        BACKUP_TEST(backup_keeps_the_current_metadata_from_clients_that_delete),
        BACKUP_TEST(backup_fails_when_its_list_cannot_be_written),
        BACKUP_TEST(backup_may_end_at_any_time),
        BACKUP_TEST(backup_leaves_nothing_when_the_server_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
