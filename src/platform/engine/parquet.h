/* Results as a Parquet file. */
#pragma once
#include "platform/engine/engine_priv.h"
#include "platform/json/json.h"

/* Runs the request's last statement into a temporary file and sends its bytes. */
bool engine_parquet_send(struct engine_session *session, const struct engine_request *request,
                         const struct json *parameters, const struct engine_output *output, struct engine_stats *stats,
                         struct err *err) MUST_USE;
