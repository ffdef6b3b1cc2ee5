/* What was built and must not be built twice, in the tenant's table "eider"."builds", written with what it tells of. */
#pragma once
#include "worker/build.h"

/* *report_out: of this run and step; empty: there is none. */
bool build_kept_find(struct build *build, struct str *report_out, struct err *err) MUST_USE;
/* Inside the transaction. */
bool build_kept_add(struct build *build, struct str report, struct err *err) MUST_USE;
