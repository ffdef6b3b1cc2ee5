/* Options of a call: headers `eider-*`, and for uploads the same names without prefix in app_metadata JSON, which wins.
 * Unknown names are refused: a misspelt option must not be ignored. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "domain/query/query.h"

struct rpc_call;

struct flight_options_of_call {
    struct str tenant; /* empty: not given */
    enum query_mode mode;
    enum query_target target;
    struct str partition_by, sort_by; /* empty: not given */
};

/* upload: whether more than the tenant is known. Texts live as long as the call. */
bool flight_options_from_headers(struct rpc_call *call, bool upload, struct flight_options_of_call *options_out,
                                 struct err *err) MUST_USE;

/* Changes what the JSON object {"mode", "target", "tenant", "partition_by", "sort_by"} names; empty text changes
 * nothing. */
bool flight_options_from_json(struct arena *arena, struct str text, struct flight_options_of_call *options,
                              struct err *err) MUST_USE;
