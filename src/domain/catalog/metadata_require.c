/* Requirements of a commit (open-api TableRequirement). */
#include "domain/catalog/metadata.h"

#include "domain/catalog/model.h"

static bool metadata_require_ref(const struct metadata *base, const struct json *requirement, struct err *err)
{
    struct str name;
    int64_t wanted;
    if (!model_get_text(requirement, "ref", &name, err) ||
        !model_optional_i64(requirement, "snapshot-id", -1, &wanted, err))
        return err_wrap(err, "assert-ref-snapshot-id");
    bool none = json_kind(json_get(requirement, "snapshot-id")) == JSON_NULL;
    const struct model_ref *ref = metadata_find_ref(base, name);
    const char *type = ref && ref->is.is_tag ? "tag" : "branch";
    if (ref && none)
        return err_set(err, ERR_CONFLICT, "Requirement failed: %s %.64s was created concurrently", type, name.ptr);
    if (ref && ref->is.snapshot != wanted)
        return err_set(err, ERR_CONFLICT, "Requirement failed: %s %.64s has changed: expected id %lld != %lld", type,
                       name.ptr, (long long)wanted, (long long)ref->is.snapshot);
    if (!ref && !none)
        return err_set(err, ERR_CONFLICT, "Requirement failed: branch or tag %.64s is missing, expected %lld", name.ptr,
                       (long long)wanted);
    return true;
}

static bool metadata_require_uuid(const struct metadata *base, const struct json *requirement, struct err *err)
{
    struct str uuid;
    if (!model_get_text(requirement, "uuid", &uuid, err))
        return err_wrap(err, "assert-table-uuid");
    if (str_equal_nocase(uuid, metadata_uuid(base)))
        return true;
    return err_set(err, ERR_CONFLICT, "Requirement failed: UUID does not match: expected %.64s != %.64s",
                   metadata_uuid(base).ptr, uuid.ptr);
}

/* A requirement that compares one number. */
static bool metadata_require_number(const struct metadata *base, struct str type, const struct json *requirement,
                                    struct err *err)
{
    const struct {
        const char *type, *member, *what;
        int has;
    } numbers[] = {
        {"assert-last-assigned-field-id", "last-assigned-field-id", "last assigned field id", base->last_column},
        {"assert-current-schema-id", "current-schema-id", "current schema", base->current_schema},
        {"assert-last-assigned-partition-id", "last-assigned-partition-id", "last assigned partition id",
         base->last_partition},
        {"assert-default-spec-id", "default-spec-id", "default partition spec", base->default_spec},
        {"assert-default-sort-order-id", "default-sort-order-id", "default sort order", base->default_sort},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int wanted;
        if (!str_equal(type, str_from(numbers[i].type)))
            continue;
        if (!model_get_int(requirement, numbers[i].member, &wanted, err))
            return err_wrap(err, "%s", numbers[i].type);
        if (wanted == numbers[i].has)
            return true;
        return err_set(err, ERR_CONFLICT, "Requirement failed: %s changed: expected id %d != %d", numbers[i].what,
                       wanted, numbers[i].has);
    }
    return err_set(err, ERR_INVALID, "unknown requirement '%.64s'", type.ptr);
}

static bool metadata_require_one(const struct metadata *base, const struct json *requirement, struct err *err)
{
    struct str type;
    if (!model_get_text(requirement, "type", &type, err))
        return err_wrap(err, "requirement");
    if (str_equal(type, S("assert-create")))
        return base ? err_set(err, ERR_CONFLICT, "Requirement failed: table already exists") : true;
    if (!base)
        return err_set(err, ERR_CONFLICT, "Requirement failed: table does not exist");
    if (str_equal(type, S("assert-table-uuid")))
        return metadata_require_uuid(base, requirement, err);
    if (str_equal(type, S("assert-ref-snapshot-id")))
        return metadata_require_ref(base, requirement, err);
    return metadata_require_number(base, type, requirement, err);
}

bool metadata_require(const struct metadata *base, const struct json *requirements, struct err *err)
{
    size_t creates = 0;
    if (!model_check_objects(requirements, "'requirements'", err))
        return false;
    if ((int64_t)json_count(requirements) > limits_get(LIMIT_MODEL_UPDATES))
        return limits_err(LIMIT_MODEL_UPDATES, err);
    for (size_t i = 0; i < json_count(requirements); i++)
        creates += str_equal(json_text(json_get(json_at(requirements, i), "type")), S("assert-create"));
    if (creates && creates != json_count(requirements))
        return err_set(err, ERR_INVALID, "invalid create requirements: nothing else goes with assert-create");
    for (size_t i = 0; i < json_count(requirements); i++) {
        if (!metadata_require_one(base, json_at(requirements, i), err))
            return false;
    }
    return true;
}
