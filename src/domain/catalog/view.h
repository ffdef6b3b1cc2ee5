/* Iceberg's view metadata (format version 1): reading, creating, checking requirements, applying updates. As
 * metadata.h; iceberg format/view-spec.md. */
#pragma once
#include "domain/catalog/metadata.h"

struct view;

const struct view *view_parse(struct arena *arena, struct str text, struct err *err);
void view_write(const struct view *view, struct buf *buf);
/* POST …/views (CreateViewRequest). */
const struct view *view_new(struct arena *arena, const struct json *request, struct str uuid, struct str location,
                            const struct metadata_context *context, struct err *err);
bool view_require(const struct view *base, const struct json *requirements, struct err *err) MUST_USE;
/* base NULL: a new view. *view_out is base itself when nothing changed. */
bool view_update(struct arena *arena, const struct view *base, const struct json *updates,
                 const struct metadata_context *context, const struct view **view_out, struct err *err) MUST_USE;
struct str view_uuid(const struct view *view);
struct str view_location(const struct view *view);
/* "<location>/metadata/00000-<uuid>.gz.metadata.json" and so on, as metadata_file. */
struct str view_file(struct arena *arena, const struct view *view, int64_t version, struct str uuid);
