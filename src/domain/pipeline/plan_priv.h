/* Shared by the files that plan. */
#pragma once
#include "domain/pipeline/plan.h"

/* Of an asset that was built; NULL: it never was. */
const struct asset_state *plan_state(const struct asset_state *states, size_t count, struct str asset);
