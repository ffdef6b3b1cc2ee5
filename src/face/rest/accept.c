/* Accept (RFC 9110, section 12.5.1): the highest quality wins, among equals the first that we can make. */
#include "face/rest/rest_priv.h"

static const struct {
    const char *type;
    enum query_format format;
} rest_types[] = {
    {"application/json", QUERY_FORMAT_JSON},
    {"application/jsonl", QUERY_FORMAT_JSON_LINES},
    {"application/x-ndjson", QUERY_FORMAT_JSON_LINES},
    {"application/vnd.apache.arrow.stream", QUERY_FORMAT_ARROW},
    {"text/csv", QUERY_FORMAT_CSV},
    {"application/vnd.apache.parquet", QUERY_FORMAT_PARQUET},
};
#define REST_TYPE_COUNT (sizeof(rest_types) / sizeof(rest_types[0]))

/* The first of our types that a range covers, or REST_TYPE_COUNT. */
static size_t rest_accept_type(struct str range)
{
    for (size_t i = 0; i < REST_TYPE_COUNT; i++) {
        struct str type = str_from(rest_types[i].type);
        struct str family = str_slice(type, 0, (size_t)str_find_char(type, '/') + 1);
        bool covers = str_equal_nocase(range, type) || str_equal(range, S("*/*")) ||
                      (str_ends_with(range, S("/*")) && str_equal_nocase(str_slice(range, 0, range.len - 1), family));
        if (covers)
            return i;
    }
    return REST_TYPE_COUNT;
}

/* The parameter q among a range's parameters; 1 without one, 0 for one that is no number. */
static double rest_accept_quality(struct str parameters)
{
    struct str parameter;
    double quality;
    while (str_split_next(&parameters, ';', &parameter)) {
        parameter = str_trim(parameter);
        if (!str_starts_with(parameter, S("q=")) && !str_starts_with(parameter, S("Q=")))
            continue;
        return str_to_double(str_from_index(parameter, 2), &quality) && quality >= 0 && quality <= 1 ? quality : 0;
    }
    return 1;
}

bool rest_accept(struct str accept, enum query_format *format_out, struct str *content_type_out, struct err *err)
{
    struct str rest = str_trim(accept).len ? accept : S("*/*");
    struct str item;
    size_t best = REST_TYPE_COUNT;
    double best_quality = 0;
    while (str_split_next(&rest, ',', &item)) {
        struct str range;
        if (!str_split_next(&item, ';', &range))
            continue;
        size_t type = rest_accept_type(str_trim(range));
        double quality = rest_accept_quality(item);
        if (type < REST_TYPE_COUNT && quality > best_quality) {
            best = type;
            best_quality = quality;
        }
    }
    if (best == REST_TYPE_COUNT) {
        err_set(err, ERR_INVALID, "none of the media types in Accept can be made");
        return err_hint(err, "known: application/json, application/jsonl, text/csv, "
                             "application/vnd.apache.arrow.stream, application/vnd.apache.parquet");
    }
    *format_out = rest_types[best].format;
    *content_type_out = str_from(rest_types[best].type);
    return true;
}
