/* A run as Server-Sent Events (HTML standard 9.2), while it goes on and afterwards: its log, and if asked for its state
 * and that of its steps. Lines come from the log's file until the client has caught up, then as they are written; one
 * that reads slowly is given lines from the file again, so that what waits for it in memory is bounded. The id of an
 * event is the number of its line. */
#pragma once
#include "domain/pipeline/run_log.h"
#include "face/rest/pipeline.h"

struct rest_stream_options {
    const struct rest_run *found;
    struct run_log_filter
        filter;  /* after: where it goes on; before UINT64_MAX: it begins with the last `limit` lines */
    bool states; /* events run, step and log; else lines alone, without a name */
};
/* Ends the exchange when the run has ended and all is told: `event: end`. */
void rest_stream_begin(struct rest_exchange *exchange, const struct rest_stream_options *options);

/* One line of a log as a JSON object. */
void rest_write_line(struct json_writer *writer, const struct run_log_line *line);
