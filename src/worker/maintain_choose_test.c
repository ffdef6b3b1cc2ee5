/* What maintenance takes away and what it leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/maintain_choose.h"

#define DAY INT64_C(86400000)
#define NOW (100 * DAY)

/* A line of four, one a day, the last one now. */
#define LINE                                                                              \
    {.id = 1, .parent = -1, .timestamp_ms = NOW - 3 * DAY, .replaced_ms = NOW - 2 * DAY}, \
        {.id = 2, .parent = 1, .timestamp_ms = NOW - 2 * DAY, .replaced_ms = NOW - DAY},  \
        {.id = 3, .parent = 2, .timestamp_ms = NOW - DAY, .replaced_ms = NOW},            \
    {                                                                                     \
        .id = 4, .parent = 3, .timestamp_ms = NOW, .replaced_ms = INT64_MAX               \
    }
#define MAIN_REF                                                                                         \
    {                                                                                                    \
        .snapshot = 4, .is_main = true, .min_snapshots = -1, .max_snapshot_age_ms = -1, .max_age_ms = -1 \
    }

static struct maintain_retention retention(int64_t age, int64_t keep)
{
    return (struct maintain_retention){
        .now_ms = NOW, .min_snapshots = keep, .max_snapshot_age_ms = age, .max_ref_age_ms = INT64_MAX};
}

static void the_current_snapshot_always_stays(void **state)
{
    (void)state;
    struct maintain_snapshot snapshots[] = {LINE};
    struct maintain_ref refs[] = {MAIN_REF};
    struct maintain_retention rules = retention(-1, 0);
    assert_int_equal(maintain_choose_expired(snapshots, 4, refs, 1, &rules), 3);
    assert_false(snapshots[3].expired);
    assert_false(refs[0].expired);
}

static void age_and_number_keep_snapshots(void **state)
{
    (void)state;
    struct maintain_snapshot snapshots[] = {LINE};
    struct maintain_ref refs[] = {MAIN_REF};
    struct maintain_retention rules = retention(3 * DAY / 2, 1);
    assert_int_equal(maintain_choose_expired(snapshots, 4, refs, 1, &rules), 2);
    assert_false(snapshots[2].expired);
    rules = retention(0, 3);
    assert_int_equal(maintain_choose_expired(snapshots, 4, refs, 1, &rules), 1);
    assert_true(snapshots[0].expired);
}

static void what_was_replaced_lately_may_still_be_read(void **state)
{
    (void)state;
    struct maintain_snapshot snapshots[] = {LINE};
    struct maintain_ref refs[] = {MAIN_REF};
    struct maintain_retention rules = retention(0, 1);
    rules.grace_ms = DAY / 2;
    assert_int_equal(maintain_choose_expired(snapshots, 4, refs, 1, &rules), 2);
    assert_false(snapshots[2].expired);
}

static void tags_and_branches_keep_theirs(void **state)
{
    (void)state;
    struct maintain_snapshot snapshots[] = {LINE};
    struct maintain_ref refs[] = {
        MAIN_REF,
        {.snapshot = 1, .is_tag = true, .min_snapshots = -1, .max_snapshot_age_ms = -1, .max_age_ms = -1},
        {.snapshot = 3, .min_snapshots = 2, .max_snapshot_age_ms = 0, .max_age_ms = -1},
    };
    struct maintain_retention rules = retention(0, 1);
    assert_int_equal(maintain_choose_expired(snapshots, 4, refs, 3, &rules), 0);
    refs[1].max_age_ms = 2 * DAY; /* the tag is older than that */
    assert_int_equal(maintain_choose_expired(snapshots, 4, refs, 3, &rules), 1);
    assert_true(refs[1].expired);
    assert_true(snapshots[0].expired);
}

static void strangers_stay_while_they_are_young(void **state)
{
    (void)state;
    struct maintain_snapshot snapshots[] = {LINE, {.id = 9, .parent = 1, .timestamp_ms = NOW - DAY / 2}};
    struct maintain_ref refs[] = {MAIN_REF};
    struct maintain_retention rules = retention(DAY, 1);
    (void)maintain_choose_expired(snapshots, 5, refs, 1, &rules);
    assert_false(snapshots[4].expired);
    rules.max_snapshot_age_ms = DAY / 4;
    (void)maintain_choose_expired(snapshots, 5, refs, 1, &rules);
    assert_true(snapshots[4].expired);
}

static void a_circle_of_parents_ends(void **state)
{
    (void)state;
    struct maintain_snapshot snapshots[] = {{.id = 1, .parent = 2, .timestamp_ms = NOW},
                                            {.id = 2, .parent = 1, .timestamp_ms = NOW}};
    struct maintain_ref refs[] = {{.snapshot = 1, .is_main = true, .min_snapshots = 100, .max_snapshot_age_ms = -1}};
    struct maintain_retention rules = retention(DAY, 1);
    assert_int_equal(maintain_choose_expired(snapshots, 2, refs, 1, &rules), 0);
}

static void small_files_of_a_group_share_a_bin(void **state)
{
    (void)state;
    struct maintain_candidate files[] = {{.group = 0, .bytes = 10}, {.group = 0, .bytes = 20},
                                         {.group = 0, .bytes = 90}, {.group = 0, .bytes = 60},
                                         {.group = 0, .bytes = 30}, {.group = 1, .bytes = 10}};
    assert_int_equal(maintain_choose_bins(files, 6, 100), 1);
    static const uint32_t bins[] = {1, 1, 0, 1, 0, 0}; /* 90 is large enough; 30 would be alone */
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(files[i].bin, bins[i]);
}

static void deletes_are_worth_a_bin_of_their_own(void **state)
{
    (void)state;
    struct maintain_candidate files[] = {{.group = 0, .bytes = 500, .has_deletes = true},
                                         {.group = 0, .bytes = 5},
                                         {.group = 1, .bytes = 5},
                                         {.group = 1, .bytes = 5}};
    assert_int_equal(maintain_choose_bins(files, 4, 100), 2);
    assert_int_equal(files[0].bin, 1);
    assert_int_equal(files[1].bin, 0);
    assert_int_equal(files[2].bin, 2);
    assert_int_equal(files[3].bin, 2);
    assert_int_equal(maintain_choose_bins(files, 0, 100), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_current_snapshot_always_stays),
        cmocka_unit_test(age_and_number_keep_snapshots),
        cmocka_unit_test(what_was_replaced_lately_may_still_be_read),
        cmocka_unit_test(tags_and_branches_keep_theirs),
        cmocka_unit_test(strangers_stay_while_they_are_young),
        cmocka_unit_test(a_circle_of_parents_ends),
        cmocka_unit_test(small_files_of_a_group_share_a_bin),
        cmocka_unit_test(deletes_are_worth_a_bin_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
