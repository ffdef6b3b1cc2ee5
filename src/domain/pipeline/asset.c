/* What the properties at the top of an asset's file say. */
#include "domain/pipeline/asset.h"

void asset_problem_add(struct asset_problems *problems, struct str path, int line, struct str asset,
                       const struct err *error)
{
    struct asset_problem problem = {
        .path = str_copy(problems->arena, path),
        .line = line,
        .asset = str_copy(problems->arena, asset),
        .message = str_copy(problems->arena, err_message(error)),
        .hint = str_copy(problems->arena, str_from(error->hint)),
    };
    vec_push(&problems->list, problem);
}

const struct asset *asset_parse(struct arena *arena, struct str path, struct str text, struct asset_problems *problems)
{
    (void)arena, (void)text;
    struct err err;
    (void)err_set(&err, ERR_UNIMPLEMENTED, "assets are not read yet");
    asset_problem_add(problems, path, 1, S(""), &err);
    return NULL;
}

const struct asset *asset_seed(struct arena *arena, struct str path, struct str digest)
{
    struct asset *asset = arena_new_object(arena, struct asset);
    asset->kind = ASSET_SEED;
    asset->path = path;
    asset->digest = digest;
    return asset;
}
