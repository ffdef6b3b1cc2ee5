/* Metrics as Prometheus reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/metric.h"

static struct metric metric_requests = {.name = "test_requests_total", .help = "Requests.", .kind = METRIC_COUNTER};
static struct metric metric_depth = {.name = "test_depth", .help = "Depth.", .kind = METRIC_GAUGE};
static struct metric metric_seconds = {.name = "test_seconds", .help = "Seconds.", .kind = METRIC_HISTOGRAM};

static void assert_rendered(const char *line)
{
    AUTO(buf) struct buf text = {0};
    metric_render(&text);
    if (str_find(buf_str(&text), str_from(line)) < 0)
        fail_msg("%s is not in\n%.*s", line, STR_ARG(buf_str(&text)));
}

static void metric_counts_by_labels(void **state)
{
    (void)state;
    metric_add(metric_series(&metric_requests, "code=\"OK\""), 2);
    metric_add(metric_series(&metric_requests, "code=\"OK\""), 1);
    metric_add(metric_series(&metric_requests, "code=\"INTERNAL\""), 1);
    assert_rendered("# HELP test_requests_total Requests.\n# TYPE test_requests_total counter\n");
    assert_rendered("test_requests_total{code=\"OK\"} 3\n");
    assert_rendered("test_requests_total{code=\"INTERNAL\"} 1\n");
}

static void metric_gauge_without_labels_has_no_braces(void **state)
{
    (void)state;
    metric_set(metric_series(&metric_depth, ""), 7);
    metric_set(metric_series(&metric_depth, ""), 5);
    assert_rendered("# TYPE test_depth gauge\ntest_depth 5\n");
}

static void metric_histogram_is_cumulative(void **state)
{
    (void)state;
    struct metric_series *series = metric_series(&metric_seconds, "m=\"x\"");
    metric_observe(series, 0.0004);
    metric_observe(series, 0.3);
    metric_observe(series, 100);
    assert_rendered("test_seconds_bucket{m=\"x\",le=\"0.0005\"} 1\n");
    assert_rendered("test_seconds_bucket{m=\"x\",le=\"0.25\"} 1\n");
    assert_rendered("test_seconds_bucket{m=\"x\",le=\"0.5\"} 2\n");
    assert_rendered("test_seconds_bucket{m=\"x\",le=\"60\"} 2\n");
    assert_rendered("test_seconds_bucket{m=\"x\",le=\"+Inf\"} 3\n");
    assert_rendered("test_seconds_count{m=\"x\"} 3\n");
}

static void metric_escapes_label_values(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = {0};
    metric_escape(&text, S("a\"b\\c\nd"));
    assert_true(str_equal(buf_str(&text), S("a\\\"b\\\\c\\nd")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metric_counts_by_labels),
        cmocka_unit_test(metric_gauge_without_labels_has_no_braces),
        cmocka_unit_test(metric_histogram_is_cumulative),
        cmocka_unit_test(metric_escapes_label_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
