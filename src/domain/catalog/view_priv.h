/* What view.c reads and writes and view_update.c changes. */
#pragma once
#include "domain/catalog/model.h"
#include "domain/catalog/view.h"

struct view_version {
    int id, schema;
    int64_t timestamp_ms;
    const struct json *json;
};
struct view_entry {
    int64_t timestamp_ms;
    int version;
};
struct view {
    struct str uuid, location;
    int format, current_version;
    model_schemas schemas;
    MODEL_LIST(struct view_version) versions;
    MODEL_LIST(struct view_entry) log;
    struct model_properties properties;
    const struct json *document; /* members that are not known are written from it; NULL: there are none */
};
#define VIEW_FORMAT_MAX 1
/* schema-id of a version that goes with the schema that the same commit adds */
#define VIEW_LAST_ADDED (-1)

bool view_version_parse(const struct json *json, struct view_version *version_out, struct err *err) MUST_USE;
const struct view_version *view_find_version(const struct view *view, int id);
/* The rules that hold for every document, read or made. */
bool view_check(const struct view *view, struct err *err) MUST_USE;
