/* A store in a directory of this machine: whole files, durable names, and no way out of the root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "platform/object/object.h"

struct fixture {
    struct arena *arena;
    char directory[64];
    struct object_store *store;
    struct err err;
};

static int setup(void **state)
{
    struct fixture *fixture = mem_new(struct fixture);
    fixture->arena = arena_new();
    snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/object_test_XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    struct object_options options = {.root = str_format(fixture->arena, "file://%s/new/store", fixture->directory)};
    fixture->store = object_open(&options, &fixture->err);
    assert_non_null(fixture->store);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    assert_true(object_delete_below(fixture->store, object_root(fixture->store), &fixture->err));
    object_close(&fixture->store);
    unlink(str_format(fixture->arena, "%s/secret", fixture->directory).ptr);
    assert_int_equal(rmdir(str_format(fixture->arena, "%s/new/store", fixture->directory).ptr), 0);
    assert_int_equal(rmdir(str_format(fixture->arena, "%s/new", fixture->directory).ptr), 0);
    assert_int_equal(rmdir(fixture->directory), 0);
    arena_free(&fixture->arena);
    mem_free(fixture);
    return 0;
}

static struct str at(struct fixture *fixture, const char *name)
{
    return str_format(fixture->arena, "file://%s/new/store/%s", fixture->directory, name);
}

static const char *path(struct fixture *fixture, const char *name)
{
    return at(fixture, name).ptr + strlen("file://");
}

static void put(struct fixture *fixture, const char *name, struct str bytes)
{
    assert_true(object_put(fixture->store, at(fixture, name), bytes, OBJECT_PUT_IF_ABSENT, &fixture->err));
}

static enum err_code code_of_read(struct fixture *fixture, struct str location)
{
    struct str bytes;
    return object_read(fixture->store, fixture->arena, location, 100, &bytes, &fixture->err) ? ERR_OK
                                                                                             : fixture->err.code;
}

struct listing {
    size_t count;
    uint64_t size;
    struct str last;
    struct arena *arena;
};
static bool count_entry(void *owner, const struct object_info *info)
{
    struct listing *listing = owner;
    listing->count++;
    listing->size += info->size;
    listing->last = str_copy(listing->arena, info->location);
    return info->modified_us > clock_wall_us() - 3600 * CLOCK_SECOND;
}

static struct listing list(struct fixture *fixture, struct str location)
{
    struct listing listing = {.arena = fixture->arena};
    assert_true(object_list(fixture->store, location, count_entry, &listing, &fixture->err));
    return listing;
}

static void file_is_written_whole_and_read_back(void **state)
{
    struct fixture *fixture = *state;
    struct str bytes;
    put(fixture, "acme/ns/t-1/metadata/v1.json", S("{}"));
    assert_true(object_read(fixture->store, fixture->arena, at(fixture, "acme/ns/t-1/metadata/v1.json"), 2, &bytes,
                            &fixture->err));
    assert_true(str_equal(bytes, S("{}")));
    /* Hadoop's way to write the same address. */
    struct str short_form = str_format(fixture->arena, "file:%s", path(fixture, "acme/ns/t-1/metadata/v1.json"));
    assert_int_equal(code_of_read(fixture, short_form), ERR_OK);
    struct stat about;
    assert_int_equal(stat(path(fixture, "acme/ns/t-1/metadata/v1.json"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(stat(path(fixture, "acme/ns"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(list(fixture, object_root(fixture->store)).count, 1);
}

static void put_if_absent_keeps_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct str location = at(fixture, "a/x"), bytes;
    put(fixture, "a/x", S("one"));
    assert_false(object_put(fixture->store, location, S("two"), OBJECT_PUT_IF_ABSENT, &fixture->err));
    assert_int_equal(fixture->err.code, ERR_EXISTS);
    assert_true(object_read(fixture->store, fixture->arena, location, 100, &bytes, &fixture->err));
    assert_true(str_equal(bytes, S("one")));
    assert_true(object_put(fixture->store, location, S("three"), OBJECT_PUT_REPLACE, &fixture->err));
    assert_true(object_read(fixture->store, fixture->arena, location, 100, &bytes, &fixture->err));
    assert_true(str_equal(bytes, S("three")));
    assert_int_equal(list(fixture, object_root(fixture->store)).count, 1); /* nothing temporary stays */
}

static void read_says_what_is_wrong(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "d/x", S("0123456789"));
    struct str bytes;
    assert_false(object_read(fixture->store, fixture->arena, at(fixture, "d/x"), 9, &bytes, &fixture->err));
    assert_int_equal(fixture->err.code, ERR_RESOURCE);
    assert_int_equal(code_of_read(fixture, at(fixture, "d/none")), ERR_NOT_FOUND);
    assert_int_equal(code_of_read(fixture, at(fixture, "none/none")), ERR_NOT_FOUND);
    assert_int_equal(code_of_read(fixture, at(fixture, "d")), ERR_NOT_FOUND);
    assert_int_equal(mkfifo(path(fixture, "d/pipe"), 0600), 0);
    assert_int_equal(code_of_read(fixture, at(fixture, "d/pipe")), ERR_NOT_FOUND);
}

static void head_has_size_and_time(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "d/x", S("12345"));
    struct object_info info;
    assert_true(object_head(fixture->store, at(fixture, "d/x"), &info, &fixture->err));
    assert_int_equal(info.size, 5);
    assert_true(info.modified_us > clock_wall_us() - 3600 * CLOCK_SECOND);
    assert_false(object_head(fixture->store, at(fixture, "d/y"), &info, &fixture->err));
    assert_int_equal(fixture->err.code, ERR_NOT_FOUND);
}

static void list_finds_all_below(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "t/data/a=1/x", S("1"));
    put(fixture, "t/data/a=2/y z%20ü", S("22"));
    put(fixture, "t/metadata/m", S("333"));
    put(fixture, "t2/metadata/m", S("4444"));
    struct listing listing = list(fixture, at(fixture, "t"));
    assert_int_equal(listing.count, 3);
    assert_int_equal(listing.size, 6);
    listing = list(fixture, at(fixture, "t/data/a=2/"));
    assert_true(str_equal(listing.last, at(fixture, "t/data/a=2/y z%20ü")));
    assert_int_equal(list(fixture, at(fixture, "none")).count, 0);
}

static void delete_takes_empty_directories_along(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "acme/t/data/x", S("1"));
    put(fixture, "acme/t/metadata/m", S("1"));
    struct str gone[] = {at(fixture, "acme/t/data/x"), at(fixture, "acme/t/data/never"), at(fixture, "none/never")};
    assert_true(object_delete(fixture->store, gone, 3, &fixture->err));
    assert_int_equal(access(path(fixture, "acme/t/data"), F_OK), -1);
    assert_int_equal(access(path(fixture, "acme/t/metadata/m"), F_OK), 0);
    struct str rest = at(fixture, "acme/t/metadata/m");
    assert_true(object_delete(fixture->store, &rest, 1, &fixture->err));
    assert_int_equal(access(path(fixture, "acme"), F_OK), -1);
    assert_int_equal(access(path(fixture, "."), F_OK), 0);
}

struct racer {
    struct fixture *fixture;
    struct str location;
    bool ok;
};

static void *put_and_delete(void *owner)
{
    struct racer *racer = owner;
    struct err err;
    racer->ok = true;
    for (int i = 0; racer->ok && i < 50; i++)
        racer->ok = object_put(racer->fixture->store, racer->location, S("1"), OBJECT_PUT_IF_ABSENT, &err) &&
                    object_delete(racer->fixture->store, &racer->location, 1, &err);
    return NULL;
}

static void writers_do_not_mind_that_their_directory_goes(void **state)
{
    struct fixture *fixture = *state;
    struct racer racers[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        racers[i] = (struct racer){.fixture = fixture, .location = at(fixture, i % 2 ? "a/b/c" : "a/b/d/e")};
        racers[i].location = str_format(fixture->arena, "%.*s-%zu", STR_ARG(racers[i].location), i);
        assert_int_equal(pthread_create(&threads[i], NULL, put_and_delete, &racers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_true(racers[i].ok);
    }
    assert_int_equal(access(path(fixture, "a"), F_OK), -1);
}

static void delete_below_leaves_the_neighbours(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "t/data/a=1/x", S("1"));
    put(fixture, "t/metadata/m", S("1"));
    put(fixture, "t-2/m", S("1"));
    assert_true(object_make_directory(fixture->store, at(fixture, "t/empty/more"), &fixture->err));
    assert_true(object_delete_below(fixture->store, at(fixture, "t"), &fixture->err));
    assert_int_equal(access(path(fixture, "t"), F_OK), -1);
    assert_int_equal(list(fixture, object_root(fixture->store)).count, 1);
    assert_true(object_delete_below(fixture->store, at(fixture, "t"), &fixture->err));
}

static void names_outside_the_root_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"../secret", "a/../../secret", "./x", "a/./x", "a/..", "/x", "x/", ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(code_of_read(fixture, at(fixture, names[i])), ERR_INVALID);
    struct str others[] = {S("s3://new/store/x"),
                           S("file:///etc/passwd"),
                           S("x"),
                           S(""),
                           S("file:"),
                           S("file://host/x"),
                           str_format(fixture->arena, "file://%s/new/store2/x", fixture->directory),
                           str_format(fixture->arena, "file://%s/new/store", fixture->directory),
                           str_bytes(at(fixture, "a").ptr, at(fixture, "a").len + 1)}; /* NUL at its end */
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(code_of_read(fixture, others[i]), ERR_INVALID);
}

static void symbolic_links_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    FILE *secret = fopen(str_format(fixture->arena, "%s/secret", fixture->directory).ptr, "w");
    assert_non_null(secret);
    fclose(secret);
    put(fixture, "t/data/x", S("1"));
    assert_int_equal(symlink("../../secret", path(fixture, "t/link")), 0);
    assert_int_equal(symlink("../../..", path(fixture, "t/up")), 0);
    assert_int_equal(symlink("data", path(fixture, "t/sideways")), 0);
    assert_int_equal(code_of_read(fixture, at(fixture, "t/link")), ERR_DENIED);
    assert_int_equal(code_of_read(fixture, at(fixture, "t/up/secret")), ERR_DENIED);
    assert_int_equal(code_of_read(fixture, at(fixture, "t/sideways/x")), ERR_DENIED);
    assert_false(object_put(fixture->store, at(fixture, "t/up/new"), S("1"), OBJECT_PUT_REPLACE, &fixture->err));
    assert_int_equal(fixture->err.code, ERR_DENIED);
    struct str victim = at(fixture, "t/up/secret");
    assert_false(object_delete(fixture->store, &victim, 1, &fixture->err));
    assert_int_equal(list(fixture, at(fixture, "t")).count, 1);
    assert_true(object_delete_below(fixture->store, at(fixture, "t"), &fixture->err));
    assert_int_equal(access(str_format(fixture->arena, "%s/secret", fixture->directory).ptr, F_OK), 0);
}

static void bad_roots_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const roots[] = {
        "", "/dir", "file://", "file:///", "file:///a/", "file:///a/../b", "s3://", "ftp://x/y", "file://relative"};
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        struct object_options options = {.root = str_from(roots[i])};
        assert_null(object_open(&options, &fixture->err));
        assert_int_equal(fixture->err.code, ERR_INVALID);
    }
    struct object_options options = {.root = str_format(fixture->arena, "file:///proc/none")};
    assert_null(object_open(&options, &fixture->err));
}

static void keep_gives_files_second_names(void **state)
{
    struct fixture *fixture = *state;
    struct listing listing = {.arena = fixture->arena};
    struct str bytes;
    put(fixture, "t/a/x", S("one"));
    put(fixture, "t/y", S("two"));
    put(fixture, "t2/z", S("other"));
    assert_true(object_keep(fixture->store, at(fixture, "t"), at(fixture, ".kept/t"), &fixture->err));
    put(fixture, "t/a/b/new", S("three"));
    assert_true(object_delete_below(fixture->store, at(fixture, "t/y"), &fixture->err));
    assert_true(object_keep(fixture->store, at(fixture, "t"), at(fixture, ".kept/t"), &fixture->err));
    assert_true(object_keep(fixture->store, at(fixture, "none"), at(fixture, ".kept/none"), &fixture->err));
    assert_true(object_keep_file(fixture->store, at(fixture, "t2/z"), at(fixture, ".kept/t2/z"), &fixture->err));
    assert_true(object_keep_file(fixture->store, at(fixture, "t2/z"), at(fixture, ".kept/t2/z"), &fixture->err));
    assert_true(object_keep_file(fixture->store, at(fixture, "t2/no"), at(fixture, ".kept/t2/no"), &fixture->err));
    assert_true(object_keep_file(fixture->store, at(fixture, "t3/no"), at(fixture, ".kept/t3/no"), &fixture->err));
    assert_true(object_delete_below(fixture->store, at(fixture, "t"), &fixture->err));
    assert_true(object_list(fixture->store, at(fixture, ".kept"), count_entry, &listing, &fixture->err));
    assert_int_equal(listing.count, 4);
    assert_true(
        object_read(fixture->store, fixture->arena, at(fixture, ".kept/t/a/b/new"), 100, &bytes, &fixture->err));
    assert_true(str_equal(bytes, S("three")));
    int fd = object_open_file(fixture->store, at(fixture, ".kept/t/a/x"), &fixture->err);
    char text[4] = "";
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    assert_int_equal(close(fd), 0);
    assert_int_equal(object_open_file(fixture->store, at(fixture, ".kept/../t2/z"), &fixture->err), -1);
    assert_int_equal(fixture->err.code, ERR_INVALID);
    assert_int_equal(object_open_file(fixture->store, at(fixture, ".kept/t/a"), &fixture->err), -1);
    assert_int_equal(fixture->err.code, ERR_NOT_FOUND);
}

/* Where fs.protected_hardlinks is on, only the owner of a file may give it another name. */
static void keep_copies_files_of_other_users(void **state)
{
    struct fixture *fixture = *state;
    struct str bytes;
    if (geteuid() != 0)
        skip();
    put(fixture, "t/x", S("theirs"));
    put(fixture, ".kept/t/x2", S("")); /* makes the directories */
    assert_int_equal(chmod(path(fixture, "t/x"), 0644), 0);
    for (const char *const *name = (const char *const[]){"", "t", ".kept", ".kept/t", NULL}; *name; name++)
        assert_int_equal(chmod(path(fixture, *name), 0777), 0);
    assert_int_equal(seteuid(65534), 0);
    bool kept = object_keep(fixture->store, at(fixture, "t"), at(fixture, ".kept/t"), &fixture->err);
    assert_int_equal(seteuid(0), 0);
    assert_true(kept);
    assert_true(object_read(fixture->store, fixture->arena, at(fixture, ".kept/t/x"), 100, &bytes, &fixture->err));
    assert_true(str_equal(bytes, S("theirs")));
    assert_int_equal(chmod(path(fixture, "t/x"), 0600), 0);
    assert_int_equal(unlink(path(fixture, ".kept/t/x")), 0);
    assert_int_equal(seteuid(65534), 0);
    kept = object_keep(fixture->store, at(fixture, "t"), at(fixture, ".kept/t"), &fixture->err);
    assert_int_equal(seteuid(0), 0);
    assert_false(kept);
    assert_int_equal(fixture->err.code, ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        FILE_TEST(file_is_written_whole_and_read_back),
        FILE_TEST(put_if_absent_keeps_what_is_there),
        FILE_TEST(read_says_what_is_wrong),
        FILE_TEST(head_has_size_and_time),
        FILE_TEST(list_finds_all_below),
        FILE_TEST(delete_takes_empty_directories_along),
        FILE_TEST(writers_do_not_mind_that_their_directory_goes),
        FILE_TEST(delete_below_leaves_the_neighbours),
        FILE_TEST(names_outside_the_root_are_refused),
        FILE_TEST(symbolic_links_are_not_followed),
        FILE_TEST(bad_roots_are_refused),
        FILE_TEST(keep_gives_files_second_names),
        FILE_TEST(keep_copies_files_of_other_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
