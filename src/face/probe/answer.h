/* Server reflection, one question and its answer: ServerReflectionRequest {1 host, one of: 3 file_by_filename,
 * 4 file_containing_symbol, 5 file_containing_extension {1 type, 2 number}, 6 all_extension_numbers_of_type,
 * 7 list_services}, ServerReflectionResponse {1 valid_host, 2 original_request, one of: 4 files, 5 extension numbers,
 * 6 services, 7 error {1 code, 2 message}}. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* Appends the answer to a request. What is not found is told in the answer; ERR_INVALID: the bytes are no request. */
bool probe_answer(struct buf *buf, struct str request, struct err *err) MUST_USE;
